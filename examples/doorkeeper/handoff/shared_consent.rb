module Iam
  # For Doorkeeper's authorization controller: consent that was given on IAM counts by Doorkeeper's own rule, for the
  # page and for prompt=none.
  #
  #   Rails.application.config.to_prepare { Doorkeeper::AuthorizationsController.prepend Iam::SharedConsent }
  module SharedConsent
    private

    def matching_token?
      return @matching_token if defined?(@matching_token)

      @matching_token = super || granted_at_iam?
    end

    # A public application always shows its page, so only a silent request depends on the result.
    def granted_at_iam?
      application = pre_auth.client&.application
      return false unless Iam.client && application && current_resource_owner
      return false unless application.confidential? || params[:prompt].to_s.split.include?("none")

      Grants.at_iam(current_resource_owner, application.uid).any? do |scope|
        granted = Doorkeeper::OAuth::Scopes.from_string(scope)
        Doorkeeper.config.access_token_model.scopes_match?(granted, pre_auth.scopes, application.scopes)
      end
    end
  end

  # For Doorkeeper's list of authorized applications: lists grants of either side, and revokes them on both.
  #
  #   Rails.application.config.to_prepare { Doorkeeper::AuthorizedApplicationsController.prepend Iam::SharedGrantList }
  module SharedGrantList
    REVOKED = "The application may no longer use your account.".freeze
    PENDING = "The application was revoked here, but the sign-in service has not confirmed it yet. Tokens that it has " \
              "issued may still work; they end as soon as it does.".freeze

    def index
      @grants = Grants.list(current_resource_owner)
      respond_to do |format|
        format.html { response.headers["Cache-Control"] = "no-store" }
        format.json { render json: @grants.to_h.merge(applications: @grants.applications.map(&:to_h)) }
      end
    end

    def destroy
      result = Grants.revoke(current_resource_owner, params[:id]) or return head(:not_found)
      respond_to do |format|
        format.html do
          flash[result == :pending ? :alert : :notice] = result == :pending ? PENDING : REVOKED
          redirect_to oauth_authorized_applications_url, status: :see_other
        end
        format.json { result == :pending ? head(:accepted) : head(:no_content) }
      end
    end
  end
end
