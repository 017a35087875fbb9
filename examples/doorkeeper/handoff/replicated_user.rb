module Iam
  # For the user model: every change that is replicated to IAM gets a version and, in the same transaction, a row in the
  # outbox; after the commit the delivery thread is woken. Needs the columns `replication_version` and
  # `credentials_epoch`.
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

    # IAM revokes a blocked user's credentials at once, and issues none until the user is active again.
    def replication_state
      blocked_at ? "blocked" : "active"
    end

    # Revokes all credentials that the user has at IAM at this moment: for "sign out everywhere", and for a password
    # change if that revokes tokens. Part of the caller's transaction.
    def end_iam_credentials
      update!(credentials_epoch: credentials_epoch + 1)
    end

    def note_replication
      Replication.note_user(id, replication_version, removed: false)
    end

    private

    # Read under the row's lock: two concurrent changes must not get the same version.
    def raise_replication_version
      return if (changed & REPLICATED).empty?

      self.replication_version = self.class.where(id: id).lock.pick(:replication_version) + 1
    end
  end
end
