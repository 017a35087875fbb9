# The initial users and applications, from a JSON file.
module Platform
  def self.seed(path)
    seed = JSON.parse(File.read(path))
    ActiveRecord::Base.transaction do
      seed.fetch("users").each do |user|
        User.create!(
          id: user["id"], username: user["username"], name: user["name"], email: user["email"],
          email_verified: user.dig("claims", "email_verified"), picture: user.dig("claims", "picture"),
          admin: user["admin"] == true, group_paths: user.dig("claims", "groups"),
          password_digest: BCrypt::Password.create(user["password"], cost: 10)
        )
      end
      seed.fetch("clients").each_value { |client| create_application(client) }
    end
  end

  def self.create_application(client)
    application = Doorkeeper::Application.new(
      name: client["name"], uid: client["uid"], redirect_uri: client["redirect_uris"].join("\n"),
      scopes: client["scopes"], confidential: client["confidential"]
    )
    application.id = client["id"]
    application.trusted = client["trusted"]
    application.secret = Doorkeeper.config.application_secret_strategy.store_secret(application, :secret, client["secret"])
    application.save!
  end
end
