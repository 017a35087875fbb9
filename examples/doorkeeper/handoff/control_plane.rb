module Iam
  # The part of the control plane's API that announces applications.
  class ControlPlane
    PATH = "/api/v1/applications".freeze
    PAGE = 1000

    def initialize(url:, token:)
      @http = JsonHttp.new(url, "Authorization" => "Bearer #{token}")
    end

    # iam_version: the version that IAM has confirmed to hold, or nil. Until both are equal, the control plane refuses
    # to move the application.
    def put_application(document, iam_version)
      @http.put("#{PATH}/#{document.fetch(:id)}", {}, application: document, iam_version: iam_version)
    end

    def remove_application(id, version)
      @http.delete("#{PATH}/#{id}", version: version)
    end

    # The whole list, page by page: each response gives the id after which the next page begins, and nil at the end.
    def held_applications
      held = []
      after = 0
      while after
        page = @http.get(PATH, limit: PAGE, after: after)
        held.concat(page.fetch("applications"))
        after = page["next"]
      end
      held
    end
  end
end
