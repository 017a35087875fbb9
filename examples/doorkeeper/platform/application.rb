# A small Rails application that stands in for the customer's monolith. Nothing in this folder depends on IAM except the
# lines marked with "hand-off".
require "logger"
require "json"
require "bcrypt"
require "digest"
require "fileutils"
require "openssl"
require "securerandom"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "doorkeeper"
require "doorkeeper/openid_connect"

module Platform
  STATE = File.expand_path(ENV.fetch("STATE_DIR", File.expand_path("../data/rails", __dir__)))
  PORT = ENV.fetch("PORT", "3000")
  # The public origin: the gateway's, if there is one.
  ISSUER = ENV.fetch("ISSUER", "http://127.0.0.1:#{PORT}")
  FileUtils.mkdir_p(STATE, mode: 0o700)

  # A secret of this installation, created on first use.
  def self.kept(name)
    path = File.join(STATE, name)
    File.write(path, yield, perm: 0o600) unless File.exist?(path)
    File.read(path)
  end

  SIGNING_KEY = kept("openid.pem") { OpenSSL::PKey::RSA.new(2048).to_pem }

  class Application < Rails::Application
    config.root = File.expand_path("..", __dir__)
    config.load_defaults 6.1
    config.eager_load = true
    config.cache_classes = true
    config.consider_all_requests_local = false
    config.public_file_server.enabled = false
    config.secret_key_base = Platform.kept("secret-key-base") { SecureRandom.hex(64) }
    config.hosts.clear
    config.force_ssl = false
    config.logger = Logger.new(File.join(STATE, "rails.log"))
    config.log_level = :info
    config.session_store :cookie_store, key: "_platform_session", same_site: :lax
    config.paths["app/views"] = "platform/views"
    config.paths["config/routes.rb"] = "platform/routes.rb"
    config.i18n.fallbacks = true
    # URLs that Rails redirects to contain codes and challenges, which must not be logged.
    config.filter_parameters += [:password, :secret, :token, :code, :challenge, :verifier, :assertion, :state]
    config.filter_redirect << /./
  end
end

ENV["DATABASE_URL"] = "sqlite3:#{File.join(Platform::STATE, "platform.sqlite3")}?timeout=10000&pool=10"
