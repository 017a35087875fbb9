module Iam
  # The grants of a user that IAM last reported, and the consent that the user has given since on the page for IAM. Used
  # while IAM does not answer, so that a rollback from a broken IAM asks no user again.
  class RememberedGrant < ::ApplicationRecord
    self.table_name = "iam_grants"
  end

  # A grant that its user has revoked here, and whose end IAM has not confirmed.
  class Revocation < ::ApplicationRecord
    self.table_name = "iam_revocations"
  end

  # Users' grants here and at IAM as one list: consent that was given on either side counts on both, and revoking it
  # ends it on both.
  module Grants
    # An application that a user has authorized; authorized_at is when the newest token was issued.
    Authorized = Struct.new(:id, :client_id, :name, :scopes, :authorized_at, keyword_init: true)
    # current: false if IAM did not answer. ending: names of applications that are revoked here and not at IAM yet.
    List = Struct.new(:applications, :current, :ending, keyword_init: true)
    # One application and one set of scopes.
    Grant = Struct.new(:id, :client_id, :name, :scope, :created_at, keyword_init: true)

    # The maximum that IAM accepts.
    MOST = 100
    # The number of seconds after a failed call during which no page waits for another one.
    PAUSE = 5
    # How long an IAM without a revocation call is retried.
    GIVEN_UP_AFTER = 30.days
    class << self
      # The scope texts of IAM's tokens of a user and an application; empty while a revocation is pending at IAM.
      def at_iam(user, client_id)
        return [] if Iam.client.nil? || Revocation.exists?(user_id: user.id, client_id: client_id)
        return remembered(user, client_id).map(&:scope) if paused?

        theirs(user, client_id).first.map(&:scope)
      end

      # The scope texts of Doorkeeper's own unrevoked tokens, the newest first.
      def here(user, client_id)
        own(user).select { |grant| grant.client_id == client_id }.map(&:scope).first(MOST)
      end

      # Records consent that the user has just given to an application on IAM.
      def consented(user, client_id, scopes)
        remember(user, [{ "client_id" => client_id, "scope" => scopes.join(" "), "created_at" => Time.now.utc }])
      end

      def list(user)
        return List.new(applications: together(own(user)), current: true, ending: []) unless Iam.client

        grants, current = theirs(user)
        ending = Revocation.where(user_id: user.id).order(:created_at)
        valid = grants.reject { |grant| ending.any? { |one| one.client_id == grant.client_id } }
        List.new(applications: together(own(user) + valid), current: current, ending: ending.map(&:client_name))
      end

      # Revokes the user's grant to the application with this id, here at once. Returns :revoked; :pending if IAM
      # revokes its part as soon as it answers; nil for an unknown application.
      def revoke(user, id)
        application = find(user, id) or return
        Doorkeeper::Application.transaction do
          note_revocation(user, application) if Iam.client
          RememberedGrant.where(user_id: user.id, client_id: application.client_id).delete_all
          Doorkeeper::Application.revoke_tokens_and_grants_for(application.id, user)
        end
        settled = settle(user, application.client_id)
        Replication.wake if settled == :unavailable
        settled == :done ? :revoked : :pending
      end

      # Sends the user's pending revocations to IAM before IAM learns of a new sign-in. Returns :done, :unsupported for
      # an IAM without the call, or :unavailable: then IAM may hold revoked grants.
      def settle(user, client_id = nil)
        Iam.client ? deliver(Revocation.where({ user_id: user.id, client_id: client_id }.compact)) : :done
      end

      # Sends all pending revocations, for Replication. Returns whether none is left to be retried soon.
      def deliver_pending
        Revocation.where("unsupported = ? AND created_at < ?", true, GIVEN_UP_AFTER.ago).delete_all
        deliver(Revocation.order(:id)) != :unavailable
      end

      private

      def deliver(revocations)
        outcome = :done
        revocations.to_a.each do |revocation|
          Iam.client.revoke_grants(revocation.user_id.to_s, revocation.client_id)
          # A revocation that was requested again in the meantime is sent again.
          Revocation.where(id: revocation.id, requests: revocation.requests).delete_all
        rescue Iam::Gone
          Rails.logger.error("grants: this IAM does not support revocation of grants")
          revocation.update_columns(unsupported: true)
          outcome = :unsupported
        rescue Iam::Unavailable => e
          Rails.logger.warn("grants: IAM did not confirm a revocation: #{e.message}")
          return :unavailable
        end
        outcome
      end

      def note_revocation(user, application)
        found = Revocation.find_or_initialize_by(user_id: user.id, client_id: application.client_id)
        found.update!(client_name: application.name, requests: found.requests + 1, unsupported: false, created_at: Time.now.utc)
      end

      def find(user, id)
        own = Doorkeeper::Application.find_by(id: id)
        return Grant.new(id: own.id, client_id: own.uid, name: own.name) if own

        list(user).applications.find { |application| application.id.to_s == id.to_s }
      end

      # IAM's grants, and whether they are its current answer.
      def theirs(user, client_id = nil)
        answer = Iam.client.grants(user.id.to_s, client_id)
        RememberedGrant.transaction do
          RememberedGrant.where({ user_id: user.id, client_id: client_id }.compact).delete_all
          remember(user, answer)
        end
        [answer.map { |grant| from_iam(grant) }, true]
      rescue Iam::Gone
        [remembered(user, client_id), true]
      rescue Iam::Unavailable => e
        Rails.logger.warn("grants: IAM did not answer: #{e.message}")
        @paused_until = monotonic + PAUSE
        [remembered(user, client_id), false]
      end

      def remember(user, grants)
        grants.each do |grant|
          row = RememberedGrant.find_or_initialize_by(user_id: user.id, client_id: grant.fetch("client_id"), scope: grant.fetch("scope"))
          row.update!(granted_at: grant.fetch("created_at"))
        end
      end

      def from_iam(grant)
        id, client_id, name, scope = grant.fetch_values("id", "client_id", "client_name", "scope")
        Grant.new(id: id, client_id: client_id, name: name, scope: scope, created_at: Time.iso8601(grant.fetch("created_at")))
      end

      # Without those of applications that the platform does not have or has deleted since.
      def remembered(user, client_id = nil)
        rows = RememberedGrant.where({ user_id: user.id, client_id: client_id }.compact).order(granted_at: :desc).to_a
        applications = Doorkeeper::Application.where(uid: rows.map(&:client_id)).index_by(&:uid)
        rows.filter_map do |row|
          application = applications[row.client_id] or next
          Grant.new(id: application.id, client_id: row.client_id, name: application.name, scope: row.scope, created_at: row.granted_at)
        end
      end

      def own(user)
        tokens = Doorkeeper::AccessToken.active_for(user).where.not(application_id: nil).group(:application_id, :scopes)
        newest = tokens.maximum(:created_at).sort_by { |_key, time| time }.reverse
        applications = Doorkeeper::Application.where(id: newest.map { |(id, _scopes), _time| id }).index_by(&:id)
        newest.filter_map do |(id, scopes), time|
          application = applications[id] or next
          Grant.new(id: id, client_id: application.uid, name: application.name, scope: scopes.to_s, created_at: time)
        end
      end

      def together(grants)
        applications = grants.group_by(&:client_id).map do |client_id, all|
          scopes = all.flat_map { |grant| grant.scope.split }.uniq.sort
          Authorized.new(id: all.first.id, client_id: client_id, name: all.first.name, scopes: scopes, authorized_at: all.map(&:created_at).max)
        end
        applications.sort_by { |application| [application.name, application.id.to_i] }
      end

      def paused?
        @paused_until.to_f > monotonic
      end

      def monotonic
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
