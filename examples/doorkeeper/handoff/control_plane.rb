module Iam
  # The part of the control plane's API that tells it of applications.
  class ControlPlane
    PATH = "/api/v1/applications".freeze

    def initialize(url:, token:)
      @http = JsonHttp.new(url, "Authorization" => "Bearer #{token}")
    end

    # iam_version: the version that IAM has confirmed to hold, or nil. Until both are equal the control plane refuses
    # to move the application.
    def put_application(document, iam_version)
      @http.put("#{PATH}/#{document.fetch(:id)}", {}, application: document, iam_version: iam_version)
    end

    def remove_application(id, version)
      @http.delete("#{PATH}/#{id}", version: version)
    end

    def held_applications
      @http.get(PATH).fetch("applications")
    end
  end
end
