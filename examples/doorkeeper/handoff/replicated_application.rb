module Iam
  # For the application model: every change gets a version and, in the same transaction, a row in the outbox; after the
  # commit the delivery thread is woken, so the page never waits.
  #
  #   Rails.application.config.to_prepare { Doorkeeper::Application.include Iam::ReplicatedApplication }
  module ReplicatedApplication
    extend ActiveSupport::Concern

    included do
      before_update :raise_replication_version
      after_save { note_replication if saved_changes? }
      after_destroy { Replication.note(id, uid, replication_version + 1, removed: true) }
      after_commit { Replication.wake }
    end

    def note_replication
      Replication.note(id, uid, replication_version, removed: false)
    end

    # The replicated fields. The secret is sent only as a digest.
    def replication_document
      {
        id: id,
        client_id: uid,
        name: name,
        secret_digest: secret.presence,
        redirect_uris: redirect_uri.to_s.split,
        scopes: scopes.to_a,
        confidential: confidential,
        trusted: trusted,
        version: replication_version,
      }
    end

    private

    # Read under the row's lock: two concurrent changes must not get the same version.
    def raise_replication_version
      self.replication_version = self.class.where(id: id).lock.pick(:replication_version) + 1 if changed?
    end
  end
end
