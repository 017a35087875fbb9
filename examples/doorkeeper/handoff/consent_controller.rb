module Iam
  # The consent page for applications that IAM serves: the same page as Doorkeeper's, answered to IAM. Every step
  # fetches the request from IAM again, so nothing is stored here between the page and the click.
  class ConsentController < ::BaseController
    rescue_from(Iam::Gone) { forgotten }
    rescue_from(Iam::Unavailable) do |fault|
      logger.warn("iam: #{fault.message}")
      render plain: LoginChallenge::NO_ANSWER, status: :bad_gateway
    end
    before_action :require_iam, :require_user, :find_request

    def show
      return accept if @consent["skip"] == true

      response.headers["Cache-Control"] = "no-store"
    end

    def accept
      address = Iam.client.accept_consent(@consent)
      Grants.consented(current_user, @consent.fetch("client").fetch("client_id"), @consent.fetch("requested_scope"))
      redirect_to address, status: :see_other
    end

    def reject
      redirect_to Iam.client.reject_consent(@challenge), status: :see_other
    end

    private

    def require_iam
      head :not_found unless Iam.client
    end

    def require_user
      return if current_user

      session[:user_return_to] = iam_consent_path(consent_challenge: params[:consent_challenge].to_s)
      redirect_to "/users/sign_in"
    end

    # Only the user who signed in for the request may give consent, and not another user who has signed in to this
    # browser since. That user sees nothing of the request, and may have IAM restart it as theirs.
    def find_request
      @challenge = params[:consent_challenge].to_s
      raise Iam::Gone, "no challenge" if @challenge.empty?

      @consent = Iam.client.consent_request(@challenge)
      return if @consent["subject"] == current_user.id.to_s
      return redirect_to(Iam.client.restart_consent(@challenge), status: :see_other) if request.get? && params[:continue] == "true"

      @consent = nil
      render :another_user, status: :bad_request
    end

    # A bookmarked page, or one that was open for longer than IAM keeps requests.
    def forgotten
      return render(plain: LoginChallenge::FORGOTTEN, status: :bad_request) unless request.get? && @challenge.present?

      flash[:alert] = LoginChallenge::FORGOTTEN
      redirect_to "/", status: :see_other
    end
  end
end
