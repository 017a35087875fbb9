module Iam
  # For API controllers: accepts access tokens of IAM in addition to those of Doorkeeper.
  # `before_action -> { authorize_token! :api, :read_user }`, then `token_user`.
  module AccessTokens
    # The prefix of every access token of IAM.
    OF_IAM = /\Agliamat-/.freeze

    def authorize_token!(*scopes)
      bearer = request.authorization.to_s[/\ABearer (\S{1,8192})\z/i, 1]
      return doorkeeper_authorize!(*scopes) unless Iam.client && bearer&.match?(OF_IAM)

      @iam_token = Iam.client.introspect(bearer)
      return refuse_token(:unauthorized, "invalid_token") unless @iam_token

      granted = Array(@iam_token["scopes"]).map(&:to_sym)
      refuse_token(:forbidden, "insufficient_scope") if (granted & scopes).empty?
    rescue Iam::Unavailable
      # Not 401: the client would discard a valid token.
      response.headers["Retry-After"] = "5"
      head :service_unavailable
    end

    def token_user
      @token_user ||= ::User.find_by(id: @iam_token ? @iam_token["subject"] : doorkeeper_token&.resource_owner_id)
    end

    private

    def refuse_token(status, error)
      response.headers["WWW-Authenticate"] = %(Bearer realm="Doorkeeper", error="#{error}")
      head status
    end
  end
end
