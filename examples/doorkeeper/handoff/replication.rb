module Iam
  # A changed application or user that must be sent to a target.
  class OutboxEntry < ::ApplicationRecord
    self.table_name = "iam_outbox"

    scope :of, ->(target, kind) { where(target: target, kind: kind).order(:id) }
  end

  # The version of an application that IAM has confirmed.
  class Confirmation < ::ApplicationRecord
    self.table_name = "iam_confirmations"
  end

  # The target holds a newer version than was ever sent: this database is a restored backup or another one, or the
  # target remembers a removal.
  class Stale < StandardError
    attr_reader :version

    def initialize(version)
      @version = version
      super("it holds version #{version}")
    end
  end

  # Replicates every application to IAM and the control plane, and every change of a user to IAM: at once after a
  # commit, with retries until it has arrived, and with a comparison of everything, which repairs what was missed or
  # removed.
  module Replication
    RETRY_SECONDS = 5
    RECONCILE_SECONDS = 300
    FAULTS = [Iam::Unavailable, Iam::Gone].freeze

    @woken = ConditionVariable.new
    @lock = Mutex.new
    @pending = true

    class << self
      # Called inside the transaction that changes the application.
      def note(application_id, client_id, version, removed:)
        targets.each { |target| add(target, "application", application_id, client_id, version, removed) }
      end

      # Called inside the transaction that changes the user. Users are sent only to IAM.
      def note_user(user_id, version, removed:)
        add("iam", "user", user_id, user_id.to_s, version, removed) if Iam.client
      end

      def wake
        @lock.synchronize do
          @pending = true
          @woken.signal
        end
      end

      # Starts the single delivery thread. In a platform of several processes start it in one of them, or make it a
      # periodic job: deliveries are ordered by version, so concurrent ones do no harm.
      def start
        @thread ||= Thread.new { run }
      end

      # Delivers what is in the outbox, once. Returns whether everything has arrived.
      def drain
        drained = targets.map { |target| drain_target(target) }
        drained.all? && OutboxEntry.none?
      end

      # Compares what the targets hold with this database, and adds the differences to the outbox.
      def reconcile
        ours = Doorkeeper::Application.all.index_by(&:uid)
        if Iam.client
          held = Iam.client.held_applications
          confirm_all(held)
          compare("iam", ours, held) { |_application, _copy| false }
          reconcile_users
        end
        return unless Iam.control_plane

        confirmed = Confirmation.pluck(:application_id, :version).to_h
        compare("control", ours, Iam.control_plane.held_applications) do |application, copy|
          copy["iam_version"] != confirmed[application.id]
        end
      end

      # Whether the number of removals suggests a lost or different database rather than deleted applications or users:
      # all of them, or more than one and more than a quarter.
      def suspicious?(removals, held)
        removals.positive? && (removals >= held || (removals > 1 && removals > held / 4.0))
      end

      private

      def targets
        [("iam" if Iam.client), ("control" if Iam.control_plane)].compact
      end

      def run
        reconciled_at = nil
        loop do
          reconcile_due = reconciled_at.nil? || monotonic - reconciled_at > RECONCILE_SECONDS
          done = ActiveRecord::Base.connection_pool.with_connection { round(reconcile_due) }
          reconciled_at = monotonic if done && reconcile_due
          rest(done ? RECONCILE_SECONDS : RETRY_SECONDS)
        end
      end

      def round(reconcile_due)
        @lock.synchronize { @pending = false }
        reconcile if reconcile_due
        revoked = Iam.client.nil? || Grants.deliver_pending
        drain && revoked
      rescue *FAULTS, ActiveRecord::ActiveRecordError => e
        Rails.logger.warn("replication: #{e.class}: #{e.message}")
        false
      end

      def rest(seconds)
        @lock.synchronize { @woken.wait(@lock, seconds) unless @pending }
      end

      def monotonic
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end

      # The newest entry of each application or user replaces the earlier ones. A refused document blocks only itself; a
      # target that does not answer ends the round.
      def drain_target(target)
        %w[application user].each do |kind|
          OutboxEntry.of(target, kind).group_by(&:application_id).each_value do |entries|
            deliver_or_drop(target, entries.last)
            OutboxEntry.where(id: entries.map(&:id)).delete_all
          end
        end
        true
      rescue *FAULTS => e
        Rails.logger.warn("replication: #{target}: #{e.message}")
        false
      end

      # A refused document would be refused again: the next comparison adds it again, and the log says so. A stale one
      # gets a version above what the target holds, and is sent again.
      def deliver_or_drop(target, entry)
        entry.kind == "user" ? deliver_user(entry) : deliver(target, entry)
      rescue Iam::Stale => e
        Rails.logger.error("replication: #{target} did not store #{entry.kind} #{entry.application_id} version #{entry.version}: #{e.message}; raised and sent again")
        raise_above(entry, e.version)
      rescue Iam::Refused => e
        Rails.logger.error("replication: #{target} refused #{entry.kind} #{entry.application_id}: #{e.message}")
      end

      def deliver(target, entry)
        application = entry.removed ? nil : Doorkeeper::Application.find_by(id: entry.application_id)
        return remove(target, entry) if application.nil?

        document = application.replication_document
        if target == "iam"
          answer = Iam.client.put_application(document)
          refuse_stale(answer, document[:version], "held")
          confirm(application, document[:version])
        else
          answer = Iam.control_plane.put_application(document, Confirmation.find_by(application_id: application.id)&.version)
          state = answer["application"] ? "held" : "removed"
          refuse_stale({ "stored" => answer["applied"], "version" => answer["version"], "state" => state }, document[:version], "held")
        end
      end

      def deliver_user(entry)
        user = entry.removed ? nil : ::User.find_by(id: entry.application_id)
        return remove_user(entry) if user.nil?

        document = Iam.changed_user_document(user)
        refuse_stale(Iam.client.put_user(document), document[:version], document[:state])
      rescue Iam::Gone
        Rails.logger.warn("replication: iam does not replicate users; user #{entry.application_id} is skipped")
      end

      # A response that nothing was stored is harmless if the target has this exact version, or knows no such user.
      def refuse_stale(answer, version, state)
        return if answer["stored"] != false || answer["version"].nil?
        return if answer["version"] == version && answer["state"] == state

        # Changed here in the meantime: the newer version is in the outbox already, or will be.
        raise Iam::Stale, answer["version"]
      end

      def raise_above(entry, version)
        model = entry.kind == "user" ? ::User : Doorkeeper::Application
        model.transaction do
          record = model.lock.find_by(id: entry.application_id)
          next if record.nil?

          record.update_columns(replication_version: [record.replication_version, version].max + 1)
          record.note_replication
        end
      end

      # The control plane is notified as soon as IAM has the application.
      def confirm(application, version)
        Confirmation.transaction do
          Confirmation.where(application_id: application.id).delete_all
          Confirmation.create!(application_id: application.id, version: version)
          add("control", "application", application.id, application.uid, version, false) if Iam.control_plane
        end
      end

      def remove(target, entry)
        Rails.logger.warn("replication: #{target}: removing application #{entry.application_id} (#{entry.client_id}), version #{entry.version}")
        if target == "iam"
          Iam.client.remove_application(entry.client_id, entry.version)
          Confirmation.where(application_id: entry.application_id).delete_all
        else
          Iam.control_plane.remove_application(entry.application_id, entry.version)
        end
      rescue Iam::Gone
        # it never existed there
      end

      def remove_user(entry)
        Rails.logger.warn("replication: iam: removing user #{entry.application_id}, version #{entry.version}")
        Iam.client.remove_user(entry.client_id, entry.version)
      rescue Iam::Gone
        # it never existed there
      end

      def confirm_all(held)
        Confirmation.transaction do
          Confirmation.delete_all
          held.each { |copy| Confirmation.create!(application_id: copy["id"], version: copy["version"]) }
        end
      end

      def compare(target, ours, held)
        theirs = held.index_by { |copy| copy["client_id"] }
        ours.each_value do |application|
          copy = theirs[application.uid]
          current = copy && copy["version"] == application.replication_version && !yield(application, copy)
          add(target, "application", application.id, application.uid, application.replication_version, false) unless current
        end
        gone = believed(target, "application", theirs.keys - ours.keys, theirs.size)
        gone.each { |client_id| add(target, "application", theirs[client_id]["id"], client_id, theirs[client_id]["version"] + 1, true) }
      end

      # The users that IAM knows, with their local data. It knows those who have signed in there, so none are missing.
      def reconcile_users
        known = Iam.client.known_users
        ours = ::User.where(id: known.map { |copy| copy["subject"] }).index_by { |user| user.id.to_s }
        known.each do |copy|
          user = ours[copy["subject"]]
          next if user.nil? || (copy["version"] == user.replication_version && copy["state"] == user.replication_state)

          add("iam", "user", user.id, copy["subject"], user.replication_version, false)
        end
        living = known.reject { |copy| copy["state"] == "deleted" }.index_by { |copy| copy["subject"] }
        gone = believed("iam", "user", living.keys - ours.keys, living.size)
        gone.each { |subject| add("iam", "user", subject.to_i, subject, living[subject]["version"].to_i + 1, true) }
      rescue Iam::Gone
        # an IAM that does not store users
      end

      # The removals to make; none if there are too many to be plausible.
      def believed(target, kind, gone, held)
        return gone unless suspicious?(gone.size, held)

        Rails.logger.error("replication: #{gone.size} of #{held} #{kind}s that #{target} holds are not in this database: too many at once, none is removed")
        []
      end

      def add(target, kind, id, client_id, version, removed)
        OutboxEntry.create!(target: target, kind: kind, application_id: id, client_id: client_id, version: version, removed: removed)
      end
    end
  end
end
