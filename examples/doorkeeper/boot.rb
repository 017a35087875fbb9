# Puts the platform and the hand-off together. Settings come from the environment: PORT, ISSUER, STATE_DIR, SEED,
# IAM_INTERNAL_URL with IAM_INTERNAL_TOKEN_FILE, CONTROL_URL with CONTROL_TOKEN_FILE.
ENV["RAILS_ENV"] = ENV["RACK_ENV"] = "production"
require_relative "platform/application"
require_relative "platform/doorkeeper"
require_relative "platform/models"
require_relative "handoff/login_challenge"
require_relative "handoff/client"
require_relative "handoff/access_tokens"
require_relative "platform/controllers"
require_relative "handoff/iam"
require_relative "platform/seed"

def token_in(variable)
  File.read(ENV.fetch(variable)).strip
end

if ENV["IAM_INTERNAL_URL"]
  Iam.token = token_in("IAM_INTERNAL_TOKEN_FILE")
  Iam.client = Iam::Client.new(url: ENV["IAM_INTERNAL_URL"], token: Iam.token, issuer: Platform::ISSUER)
end
Iam.control_plane = Iam::ControlPlane.new(url: ENV["CONTROL_URL"], token: token_in("CONTROL_TOKEN_FILE")) if ENV["CONTROL_URL"]

Rails.application.config.to_prepare { Doorkeeper::Application.include Iam::ReplicatedApplication }
Platform::Application.initialize!
require_relative "platform/routes"

unless ActiveRecord::Base.connection.table_exists?("oauth_applications")
  ActiveRecord::Base.connection.execute("PRAGMA journal_mode=WAL")
  load File.expand_path("platform/schema.rb", __dir__)
  ActiveRecord::Base.descendants.each(&:reset_column_information)
  Platform.seed(ENV["SEED"]) if ENV["SEED"]
end
Iam::Replication.start
