require "erb"
require "json"
require "net/http"
require "uri"

module Iam
  # The IAM auth service could not be reached, or its response was invalid.
  class Unavailable < StandardError; end

  # The request is invalid; a retry would not help.
  class Refused < Unavailable; end

  # The challenge, code or application is unknown there or has expired.
  class Gone < StandardError; end

  # The application requires a more recent sign-in than the reported one.
  class SignInTooOld < StandardError; end

  # The internal API of the IAM auth service. Every call has a time limit and carries the shared token; no error message
  # contains a challenge, token or body.
  class Client
    LOGIN = "/oauth2/internal/auth/requests/login".freeze
    CONSENT = "/oauth2/internal/auth/requests/consent".freeze
    INTROSPECT = "/oauth2/internal/introspect".freeze
    GRANTS = "/oauth2/internal/grants".freeze
    SHORT_LIMIT = 2
    PAGE = 1000
    CLIENTS = "/oauth2/internal/clients".freeze
    USERS = "/oauth2/internal/users".freeze
    FAULTS = [SystemCallError, SocketError, IOError, Timeout::Error, Net::ProtocolError, Net::HTTPBadResponse, OpenSSL::SSL::SSLError].freeze

    # url: the internal port; token: the secret shared with this application; issuer: the public origin of both.
    def initialize(url:, token:, issuer:)
      @http = JsonHttp.new(url, "gitlab-iam-auth-token" => token)
      @origin = URI(issuer).then { |uri| [uri.scheme, uri.host, uri.port] }
    end

    def login_request(challenge)
      @http.get(LOGIN, login_challenge: challenge)
    end

    # user: see Iam.user_document, with granted_scopes if the challenge requests them. Returns the URL to which to
    # redirect the browser. Raises SignInTooOld if the user has to sign in again.
    def accept_login(challenge, user)
      redirect @http.put("#{LOGIN}/accept", { challenge: challenge }, user)
    end

    def reject_login(challenge, error, description)
      redirect @http.put("#{LOGIN}/reject", { challenge: challenge }, error: error, error_description: description)
    end

    def consent_request(challenge)
      @http.get(CONSENT, consent_challenge: challenge)
    end

    def accept_consent(request)
      body = { grant_scope: request.fetch("requested_scope"), subject: request.fetch("subject") }
      redirect @http.put("#{CONSENT}/accept", { challenge: request.fetch("challenge") }, body)
    end

    def reject_consent(challenge)
      answer_consent_with(challenge, "access_denied", "The resource owner or authorization server denied the request.")
    end

    # Another user has signed in since the page was requested: IAM restarts the request as theirs.
    def restart_consent(challenge)
      answer_consent_with(challenge, "login_required", "Another user has signed in.")
    end

    # The introspection result of an access token; nil if it is not active.
    def introspect(token)
      answer = @http.post(INTROSPECT, {}, token: token)
      answer if answer["active"] == true
    end

    # The user's grants at IAM, or one of them. A page waits for the response, so the time limit is short.
    def grants(subject, client_id = nil)
      @http.get(GRANTS, { subject: subject, client_id: client_id }.compact, SHORT_LIMIT).fetch("grants")
    rescue KeyError
      raise Unavailable, "an answer without grants"
    end

    # Revokes a user's grant to an application at IAM.
    def revoke_grants(subject, client_id)
      answer = @http.post("#{GRANTS}/revoke", {}, { subject: subject, client_id: client_id }, SHORT_LIMIT)
      raise Unavailable, "an answer that confirms nothing" unless answer["revoked"].is_a?(Hash)
    end

    def put_application(document)
      @http.put(CLIENTS, {}, document)
    end

    def remove_application(client_id, version)
      @http.delete("#{CLIENTS}/#{ERB::Util.url_encode(client_id)}", version: version)
    end

    # All applications that IAM holds, page by page. An older IAM answers with all of them and without "next".
    def held_applications
      held = []
      after = 0
      while after
        page = @http.get(CLIENTS, after: after, limit: PAGE)
        held.concat(page.fetch("clients"))
        after = page["next"]
      end
      held
    end

    def put_user(document)
      @http.put(USERS, {}, document)
    end

    def remove_user(subject, version)
      @http.delete("#{USERS}/#{subject}", version: version)
    end

    # All users that IAM knows, page by page.
    def known_users
      known = []
      after = nil
      loop do
        page = @http.get(USERS, after ? { after: after } : {})
        known.concat(page.fetch("users"))
        after = page["next"] or return known
      end
    end

    private

    def answer_consent_with(challenge, error, description)
      redirect @http.put("#{CONSENT}/reject", { challenge: challenge }, error: error, error_description: description)
    end

    # The browser is redirected only to the platform's own origin, whatever the response says.
    def redirect(answer)
      target = URI(answer.fetch("redirect_to"))
      return target.to_s if [target.scheme, target.host, target.port] == @origin

      raise Unavailable, "a redirect that leaves the platform"
    rescue KeyError, URI::InvalidURIError
      raise Unavailable, "an answer without a redirect"
    end
  end

  # JSON over HTTP with time limits.
  class JsonHttp
    OPEN_LIMIT = 2
    ANSWER_LIMIT = 5

    def initialize(url, headers)
      @base = URI(url.chomp("/"))
      @headers = { "Accept" => "application/json" }.merge(headers)
    end

    def get(path, query = {}, limit = ANSWER_LIMIT) = call(Net::HTTP::Get, path, query, nil, limit)
    def put(path, query, body) = call(Net::HTTP::Put, path, query, body)
    def post(path, query, body, limit = ANSWER_LIMIT) = call(Net::HTTP::Post, path, query, body, limit)
    def delete(path, query) = call(Net::HTTP::Delete, path, query)

    private

    def call(verb, path, query, body = nil, limit = ANSWER_LIMIT)
      target = "#{@base.path}#{path}"
      target += "?#{URI.encode_www_form(query)}" unless query.empty?
      request = verb.new(target, @headers)
      if body
        request["Content-Type"] = "application/json"
        request.body = JSON.generate(body)
      end
      read(exchange(request, limit), verb::METHOD, path)
    end

    def exchange(request, limit)
      limits = { open_timeout: OPEN_LIMIT, read_timeout: limit, write_timeout: limit, max_retries: 0 }
      Net::HTTP.start(@base.host, @base.port, use_ssl: @base.scheme == "https", **limits) { |http| http.request(request) }
    rescue *Client::FAULTS => e
      raise Unavailable, "no answer (#{e.class})"
    end

    def read(answer, method, path)
      raise Gone, "#{method} #{path.split("/").first(5).join("/")}" if %w[404 409].include?(answer.code)
      raise SignInTooOld, "sign-in too old" if answer.code == "400" && answer.body.to_s.include?('"reason":"sign_in_too_old"')
      raise Refused, "answered #{answer.code}" if %w[400 413 422].include?(answer.code)
      raise Unavailable, "answered #{answer.code}" unless answer.is_a?(Net::HTTPSuccess)

      answer.body.to_s.empty? ? {} : JSON.parse(answer.body)
    rescue JSON::ParserError
      raise Unavailable, "an answer that is not JSON"
    end
  end
end
