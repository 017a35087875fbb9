module Iam
  # The only call from IAM to the monolith: it verifies a name and password for the password grant.
  class ResourceOwnersController < ActionController::API
    def create
      return head(:unauthorized) unless authorized?

      user = ::User.authenticate(params[:username], params[:password])
      # Pending revocations are sent before this sign-in creates new grants.
      Grants.settle(user) if user
      user ? render(json: Iam.user_document(user).merge(auth_time: Time.now.to_i)) : head(:not_found)
    end

    private

    def authorized?
      given = request.headers["gitlab-iam-auth-token"].to_s
      Iam.token.present? && ActiveSupport::SecurityUtils.secure_compare(given, Iam.token)
    end
  end
end
