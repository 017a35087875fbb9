module Iam
  # For the controller with the sign-in page: `include Iam::LoginChallenge`, call `begin_iam_login` before showing the
  # form and `finish_iam_login` after a sign-in. Several challenges may be open at once, one per browser tab: the
  # challenge is passed in the URL and the form, never only in the session.
  module LoginChallenge
    extend ActiveSupport::Concern

    FORGOTTEN = "This request has expired. Go back to the application and start again.".freeze
    NO_ANSWER = "The sign-in service did not answer. Nothing was lost: try again in a moment.".freeze

    included do
      helper_method :login_challenge
      rescue_from(Iam::Unavailable) do |fault|
        logger.warn("iam: #{fault.message}")
        render plain: NO_ANSWER, status: :bad_gateway
      end
    end

    # What to do with a challenge. Pure: see the table in the how-to.
    def self.decide(prompt_none:, reauthenticate:, signed_in:, signed_in_for_this:)
      return reauthenticate || !signed_in ? :reject : :accept if prompt_none
      return :ask unless signed_in
      return :accept unless reauthenticate && !signed_in_for_this

      :end_session_and_ask
    end

    def login_challenge
      params[:login_challenge].presence if Iam.client && params[:login_challenge].is_a?(String)
    end

    # Returns true if it has responded; false if the form must be shown.
    def begin_iam_login
      challenge = login_challenge or return false
      request = Iam.client.login_request(challenge)
      case iam_login_step(request, challenge)
      when :accept then accept_iam_login(challenge, request)
      when :reject then iam_redirect Iam.client.reject_login(challenge, "login_required", "The authorization server requires end-user authentication")
      when :end_session_and_ask then return end_session_for_iam
      else return false
      end
      true
    rescue Iam::SignInTooOld
      end_session_for_iam
    rescue Iam::Gone
      # A bookmark, or a page older than IAM keeps requests: handled as the URL without a challenge.
      flash[:alert] = FORGOTTEN
      redirect_to current_user ? "/" : "/users/sign_in", status: :see_other
      true
    end

    # Call this after the session of the new user has started. Returns false if no challenge is open.
    def finish_iam_login
      challenge = login_challenge or return false
      session[:iam_signed_in_for] = Digest::SHA256.hexdigest(challenge)
      accept_iam_login(challenge, Iam.client.login_request(challenge))
      true
    rescue Iam::Gone
      flash[:alert] = FORGOTTEN
      false
    end

    private

    # Returns false: the form must be shown, and the user is signed out.
    def end_session_for_iam
      reset_session
      @current_user = nil
      false
    end

    def iam_login_step(request, challenge)
      LoginChallenge.decide(
        prompt_none: request["prompt_none"] == true,
        reauthenticate: request["reauthenticate"] == true,
        signed_in: !current_user.nil?,
        signed_in_for_this: session[:iam_signed_in_for] == Digest::SHA256.hexdigest(challenge),
      )
    end

    # Reports the user's grants here to IAM, so that it does not ask again, after sending pending revocations.
    def accept_iam_login(challenge, request)
      raise Iam::Unavailable, "a revocation is not confirmed" if Grants.settle(current_user, request["client_id"]) == :unavailable

      user = Iam.user_document(current_user)
      user[:granted_scopes] = Grants.here(current_user, request["client_id"]) if request["asks_granted_scopes"] == true
      iam_redirect Iam.client.accept_login(challenge, user)
    end

    def iam_redirect(address)
      redirect_to address, status: :see_other
    end
  end
end
