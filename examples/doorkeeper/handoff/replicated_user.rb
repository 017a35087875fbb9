module Iam
  # For the user model: every change that IAM is told of gets a version and, in the same transaction, a row in the
  # outbox; after the commit the delivery is woken. Needs the columns `replication_version` and `credentials_epoch`.
  #
  #   Rails.application.config.to_prepare { User.include Iam::ReplicatedUser }
  #
  # Adapt REPLICATED to what Iam.user_document sends, and `replication_state` to how your platform blocks users.
  module ReplicatedUser
    extend ActiveSupport::Concern

    REPLICATED = %w[username name email email_verified picture group_paths blocked_at credentials_epoch].freeze

    included do
      before_update :raise_replication_version
      after_update { note_replication if (saved_changes.keys & REPLICATED).any? }
      after_destroy { Replication.note_user(id, replication_version + 1, removed: true) }
      after_commit { Replication.wake }
    end

    # IAM ends at once what a blocked user has, and lets nothing begin until the user is active again.
    def replication_state
      blocked_at ? "blocked" : "active"
    end

    # Ends everything that the user has at IAM until now: "sign out everywhere", and a password change where that ends
    # tokens. Part of the caller's transaction.
    def end_iam_credentials
      update!(credentials_epoch: credentials_epoch + 1)
    end

    def note_replication
      Replication.note_user(id, replication_version, removed: false)
    end

    private

    # Read under the row's lock: two changes at once must not end with the same version.
    def raise_replication_version
      return if (changed & REPLICATED).empty?

      self.replication_version = self.class.where(id: id).lock.pick(:replication_version) + 1
    end
  end
end
