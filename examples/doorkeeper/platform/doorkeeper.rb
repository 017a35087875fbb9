# As in a monolith's initializer: opaque tokens of 64 hex digits, all stored as SHA-512.
class Sha512Hash < Doorkeeper::SecretStoring::Base
  def self.transform_secret(plain) = Digest::SHA512.hexdigest(plain.to_s)
  def self.allows_restoring_secrets? = false
end

Doorkeeper.configure do
  orm :active_record
  base_controller "::BaseController"
  default_generator_method :hex
  resource_owner_authenticator do
    current_user || begin
      session[:user_return_to] = request.fullpath
      redirect_to "/users/sign_in"
      nil
    end
  end
  resource_owner_from_credentials { User.authenticate(params[:username], params[:password]) }
  use_refresh_token
  enforce_configured_scopes
  force_ssl_in_redirect_uri false
  forbid_redirect_uri { |uri| %w[data vbscript javascript].include?(uri.scheme.to_s.downcase) }
  default_scopes :api
  optional_scopes :read_user, :read_api, :openid, :profile, :email
  hash_token_secrets using: "::Sha512Hash"
  hash_application_secrets using: "::Sha512Hash"
  grant_flows %w[authorization_code password client_credentials]
  skip_authorization { |_owner, client| client&.application&.trusted? }
  access_token_expires_in 2.hours
end

Doorkeeper::OpenidConnect.configure do
  issuer Platform::ISSUER
  signing_key Platform::SIGNING_KEY
  signing_algorithm :rs256
  subject_types_supported [:public]
  resource_owner_from_access_token { |token| User.find_by(id: token.resource_owner_id) }
  auth_time_from_resource_owner { |user| user.current_sign_in_at }
  reauthenticate_resource_owner do |_user, return_to|
    reset_session
    session[:user_return_to] = return_to
    redirect_to "/users/sign_in"
  end
  select_account_for_resource_owner { |_user, _return_to| redirect_to "/users/sign_in" }
  subject { |user| user.id }
  claims do
    # The same names and scopes as at IAM (its options --claim and --id-token-claim), with the same values as
    # Iam.user_document sends, so that a user looks the same on both sides.
    claim(:name, scope: :openid) { |user| user.name }
    claim(:nickname, scope: :openid) { |user| user.username }
    claim(:preferred_username, scope: :openid) { |user| user.username }
    claim(:email, scope: :openid, response: %i[id_token user_info]) { |user, scopes| user.email if scopes.exists?(:email) }
    claim(:email_verified, scope: :openid, response: %i[id_token user_info]) { |user, scopes| user.email_verified if scopes.exists?(:email) }
    claim(:picture, scope: :openid) { |user| user.picture }
    claim(:groups, scope: :openid) { |user| user.group_paths }
  end
end
