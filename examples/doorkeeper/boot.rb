# Combines the platform and the hand-off. Settings come from the environment: PORT, ISSUER, STATE_DIR, SEED,
# IAM_INTERNAL_URL with IAM_INTERNAL_TOKEN_FILE, CONTROL_URL with CONTROL_TOKEN_FILE.
ENV["RAILS_ENV"] = ENV["RACK_ENV"] = "production"
require_relative "platform/application"
require_relative "platform/doorkeeper"
require_relative "handoff/client"

def token_in(variable)
  File.read(ENV.fetch(variable)).strip
end

# What Rails would autoload from app/: loaded explicitly here, once the framework is ready for it.
Platform::Application.initializer("platform.code", before: :eager_load!) do
  %w[platform/models handoff/login_challenge handoff/access_tokens platform/controllers handoff/iam platform/seed].each do |file|
    require_relative file
  end
end
Rails.application.config.to_prepare do
  Doorkeeper::Application.include Iam::ReplicatedApplication
  Doorkeeper::AuthorizationsController.prepend Iam::SharedConsent
  Doorkeeper::AuthorizedApplicationsController.prepend Iam::SharedGrantList
  User.include Iam::ReplicatedUser
end
Platform::Application.initialize!

if ENV["IAM_INTERNAL_URL"]
  Iam.token = token_in("IAM_INTERNAL_TOKEN_FILE")
  Iam.client = Iam::Client.new(url: ENV["IAM_INTERNAL_URL"], token: Iam.token, issuer: Platform::ISSUER)
end
Iam.control_plane = Iam::ControlPlane.new(url: ENV["CONTROL_URL"], token: token_in("CONTROL_TOKEN_FILE")) if ENV["CONTROL_URL"]

unless ActiveRecord::Base.connection.table_exists?("oauth_applications")
  ActiveRecord::Base.connection.execute("PRAGMA journal_mode=WAL")
  load File.expand_path("platform/schema.rb", __dir__)
  ActiveRecord::Base.descendants.each(&:reset_column_information)
  Platform.seed(ENV["SEED"]) if ENV["SEED"]
end
Iam::Replication.start
