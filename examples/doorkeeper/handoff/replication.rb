module Iam
  # An application that has changed and must be told to a target.
  class OutboxEntry < ::ApplicationRecord
    self.table_name = "iam_outbox"
  end

  # The version of an application that IAM has confirmed.
  class Confirmation < ::ApplicationRecord
    self.table_name = "iam_confirmations"
  end

  # Tells IAM and the control plane of every application: at once after a commit, again until it has arrived, and by
  # comparing all there is, so that what was missed (or is gone) comes right by itself.
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
        targets.each do |target|
          OutboxEntry.create!(target: target, application_id: application_id, client_id: client_id, version: version, removed: removed)
        end
      end

      def wake
        @lock.synchronize do
          @pending = true
          @woken.signal
        end
      end

      # Starts the one thread that delivers. In a platform of several processes start it in one of them, or make it a
      # periodic job: deliveries are ordered by version, so two at once do no harm.
      def start
        @thread ||= Thread.new { run }
      end

      # One round: what is in the outbox. Returns whether everything has arrived.
      def drain
        drained = targets.map { |target| drain_target(target) }
        drained.all? && OutboxEntry.none?
      end

      # Compares what the targets hold with what is there, and notes the differences.
      def reconcile
        ours = Doorkeeper::Application.all.index_by(&:uid)
        if Iam.client
          held = Iam.client.held_applications
          confirm_all(held)
          compare("iam", ours, held) { |_application, _copy| false }
        end
        return unless Iam.control_plane

        confirmed = Confirmation.pluck(:application_id, :version).to_h
        compare("control", ours, Iam.control_plane.held_applications) do |application, copy|
          copy["iam_version"] != confirmed[application.id]
        end
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

      # The newest entry of each application stands for those before it. A refused document keeps only itself back; a
      # target that does not answer ends the round.
      def drain_target(target)
        OutboxEntry.where(target: target).order(:id).group_by(&:application_id).each_value do |entries|
          deliver_or_drop(target, entries.last)
          OutboxEntry.where(id: entries.map(&:id)).delete_all
        end
        true
      rescue *FAULTS => e
        Rails.logger.warn("replication: #{target}: #{e.message}")
        false
      end

      # A document that is refused would be refused again: the next comparison notes it anew, and the log says so.
      def deliver_or_drop(target, entry)
        deliver(target, entry)
      rescue Iam::Refused => e
        Rails.logger.error("replication: #{target} refused application #{entry.application_id}: #{e.message}")
      end

      def deliver(target, entry)
        application = entry.removed ? nil : Doorkeeper::Application.find_by(id: entry.application_id)
        return remove(target, entry) if application.nil?

        document = application.replication_document
        if target == "iam"
          Iam.client.put_application(document)
          confirm(application, document[:version])
        else
          Iam.control_plane.put_application(document, Confirmation.find_by(application_id: application.id)&.version)
        end
      end

      # The control plane is told as soon as IAM has the application.
      def confirm(application, version)
        Confirmation.transaction do
          Confirmation.where(application_id: application.id).delete_all
          Confirmation.create!(application_id: application.id, version: version)
          next unless Iam.control_plane

          OutboxEntry.create!(target: "control", application_id: application.id, client_id: application.uid, version: version, removed: false)
        end
      end

      def remove(target, entry)
        if target == "iam"
          Iam.client.remove_application(entry.client_id, entry.version)
          Confirmation.where(application_id: entry.application_id).delete_all
        else
          Iam.control_plane.remove_application(entry.application_id, entry.version)
        end
      rescue Iam::Gone
        # it was never there
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
          add(target, application.id, application.uid, application.replication_version, false) unless current
        end
        (theirs.keys - ours.keys).each do |client_id|
          copy = theirs[client_id]
          add(target, copy["id"], client_id, copy["version"] + 1, true)
        end
      end

      def add(target, application_id, client_id, version, removed)
        OutboxEntry.create!(target: target, application_id: application_id, client_id: client_id, version: version, removed: removed)
      end
    end
  end
end
