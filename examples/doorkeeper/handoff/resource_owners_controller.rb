module Iam
  # The one call that IAM makes to the monolith: whose are these name and password, for the password grant.
  class ResourceOwnersController < ActionController::API
    def create
      return head(:unauthorized) unless authorized?

      user = ::User.authenticate(params[:username], params[:password])
      user ? render(json: Iam.user_document(user).merge(auth_time: Time.now.to_i)) : head(:not_found)
    end

    private

    def authorized?
      given = request.headers["gitlab-iam-auth-token"].to_s
      Iam.token.present? && ActiveSupport::SecurityUtils.secure_compare(given, Iam.token)
    end
  end
end
