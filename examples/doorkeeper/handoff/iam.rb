require_relative "client"
require_relative "control_plane"
require_relative "login_challenge"
require_relative "consent_controller"
require_relative "resource_owners_controller"
require_relative "access_tokens"
require_relative "replicated_application"
require_relative "replicated_user"
require_relative "replication"
require_relative "grants"
require_relative "shared_consent"

# What a monolith needs to work with an IAM auth service in addition to its own Doorkeeper: sign-in and consent for IAM,
# tokens of both, shared consent and revocation, and replication of applications. Configured once, at boot; without a
# client all of it is inactive.
module Iam
  class << self
    # The Iam::Client, or nil while no IAM is configured.
    attr_accessor :client
    # The Iam::ControlPlane, or nil.
    attr_accessor :control_plane
    # The secret that the monolith and IAM share; IAM must send it too when it calls here.
    attr_accessor :token

    # A user in the form of the contract. Adapt this to your users table: a claim that you do not send is absent at IAM.
    def user_document(user)
      {
        subject: user.id.to_s,
        username: user.username,
        name: user.name.to_s,
        email: user.email.to_s,
        claims: { email_verified: user.email_verified, picture: user.picture, groups: user.group_paths }.compact,
        version: user.replication_version,
        credentials_epoch: user.credentials_epoch,
        auth_time: user.current_sign_in_at.to_i,
      }
    end

    # The same after a change of the user, who need not have signed in.
    def changed_user_document(user)
      user_document(user).except(:auth_time).merge(state: user.replication_state)
    end
  end
end
