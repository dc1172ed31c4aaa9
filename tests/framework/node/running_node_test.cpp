#include "free_port.hpp"
#include "node/running_node.hpp"
#include "temporary_folder.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

/// How a node starts its roles, notices that one fails, and stops them.
using namespace atl::node;

namespace {

/// An actor that ends at its first message, by a mistake.
caf::behavior end_by_exception(caf::event_based_actor*) {
  return {[](int) { throw std::runtime_error{"a mistake"}; }};
}

/// What happened to the roles of a test, in order.
using history = std::vector<std::string>;

/// A role with one actor, which a test can kill from inside.
class watched_role : public role {
 public:
  watched_role(std::string name, history& events) : name_{std::move(name)}, events_{events} {}

  std::string_view name() const override { return name_; }
  std::vector<atl::key_spec> keys() const override { return {{.key = name_ + ".mood"}}; }

  atl::status start(node_context& node) override {
    node_ = &node;
    mood = node.configuration.text(name_ + ".mood");
    if (mood == "throws")
      throw std::runtime_error{"no room"};
    if (mood == "refuses")
      return atl::fail(atl::errc::refused, "no room");
    if (mood == "at a port")
      node.set_address({"127.0.0.1", port}, {"127.0.0.1", port});
    actor = node.actors->spawn(end_by_exception);
    node.supervise(actor, "the actor of " + name_);
    events_.push_back("start " + name_);
    return {};
  }

  void stop() override {
    if (actor)
      end_actors(node_->actors, {std::exchange(actor, nullptr)});
    events_.push_back("stop " + name_);
  }

  role_health health() const override { return {role_health::state::serves, {}}; }

  node_context* node_ = nullptr;
  std::string mood;
  caf::actor actor;
  std::uint16_t port = free_port();

 private:
  std::string name_;
  history& events_;
};

/// A node with the roles `teller` and `vault`, of an application that has a third one.
struct bank {
  history events;
  std::shared_ptr<watched_role> teller = std::make_shared<watched_role>("teller", events);
  std::shared_ptr<watched_role> vault = std::make_shared<watched_role>("vault", events);
  application program;
  temporary_folder folder;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<failure_queue::failure> failures;

  bank() {
    program.name = "bank";
    program.program = "bankd";
    program.roles = {teller, vault, std::make_shared<watched_role>("guard", events)};
  }

  atl::result<std::unique_ptr<running_node>> start(const std::string& more = {}) {
    auto text = fmt::format("[node]\nname = \"a\"\nroles = [\"vault\", \"teller\"]\n"
                            "data = \"{}\"\n[cluster]\nname = \"bank\"\n{}",
                            (folder / "data").string(), more);
    auto config = atl::config::parse(text, folder / "a.toml", schema_of(program)).value();
    config_errors problems{config};
    auto cluster = read_cluster_config(config, problems);
    auto self = read_node_config(config, problems);
    REQUIRE(problems.finish().has_value());
    auto failed = [this](std::string_view role, const atl::error& problem) {
      std::lock_guard lock{mutex};
      failures.push_back({std::string{role}, problem});
      changed.notify_all();
    };
    return running_node::start({{config, cluster, self}, {}, {}, 1024, failed}, program);
  }

  failure_queue::failure wait_for_failure() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [this] { return !failures.empty(); });
    return failures.front();
  }
};

} // namespace

TEST_CASE("roles start in the order of the application, and stop in the reverse order") {
  bank it;
  it.start().value().reset();
  CHECK(it.events == history{"start teller", "start vault", "stop vault", "stop teller"});
}

TEST_CASE("an actor that ends by a mistake takes down its role, and not the other one") {
  bank it;
  auto node = it.start().value();
  caf::anon_send(it.teller->actor, 1);
  auto failure = it.wait_for_failure();
  CHECK(failure.role == "teller");
  CHECK_MESSAGE(failure.problem.message.starts_with("the actor of teller ended without"),
                failure.problem.message);
  CHECK(node->take_down("teller", {atl::errc::internal, "a mistake"}));
  CHECK(it.events == history{"start teller", "start vault", "stop teller"});
  CHECK_FALSE(node->take_down("vault", {}));
}

TEST_CASE("a failure that an actor reports is one of its role") {
  bank it;
  auto node = it.start().value();
  caf::anon_send(it.vault->node_->supervisor,
                 atl::runtime::node_failure{"vault", {atl::errc::corrupt, "rust"}});
  auto failure = it.wait_for_failure();
  CHECK(failure.role == "vault");
  CHECK(failure.problem.message == "rust");
}

TEST_CASE("a role that can't start is the error of the start, and the roles before it stop") {
  for (auto mood : {"refuses", "throws"}) {
    bank it;
    auto node = it.start(fmt::format("[vault]\nmood = \"{}\"\n", mood));
    REQUIRE_FALSE(node.has_value());
    CHECK_MESSAGE(node.error().message.find("no room") != std::string::npos, node.error().message);
    CHECK(it.events == history{"start teller", "stop vault", "stop teller"});
  }
}

TEST_CASE("a list of data folders is refused for a role that keeps its data in one") {
  bank it;
  auto file = it.folder / "a.toml";
  auto text = "[node]\nname = \"a\"\nroles = [\"teller\"]\ndata = [\"one\", \"two\"]\n"
              "[cluster]\nname = \"bank\"\n";
  std::ofstream{file} << text;
  auto read = load_config(file, it.program);
  REQUIRE_FALSE(read.has_value());
  CHECK_MESSAGE(read.error().message.find("a.toml:4:8: node.data: names 2 folders, and the role "
                                          "'teller' keeps its data in one") != std::string::npos,
                read.error().message);
}

TEST_CASE("a data folder of another node is refused") {
  bank it;
  it.start().value().reset();
  bank other;
  other.program.roles = {it.teller};
  auto text = fmt::format("[node]\nname = \"b\"\nroles = [\"teller\"]\ndata = \"{}\"\n"
                          "[cluster]\nname = \"bank\"\n",
                          (it.folder / "data").string());
  auto config = atl::config::parse(text, it.folder / "b.toml", schema_of(other.program)).value();
  config_errors problems{config};
  auto started = running_node::start(
      {{config, read_cluster_config(config, problems), read_node_config(config, problems)},
       {},
       {},
       1024,
       [](std::string_view, const atl::error&) {}},
      other.program);
  REQUIRE_FALSE(started.has_value());
  CHECK_MESSAGE(started.error().message.find("belongs to") != std::string::npos,
                started.error().message);
}

namespace {

/// Asks a node whose roles have started.
struct asking {
  atl::runtime::system actors{1, {"bank", "a test", {}, {}}};
  atl::runtime::node_client client;

  asking() : client{actors, {client_of("bank")}} {}
  static atl::runtime::node_info client_of(const std::string& cluster) {
    atl::runtime::node_info self;
    self.cluster = cluster;
    self.name = "a test";
    return self;
  }
};

atl::endpoint address_of(const bank& it) {
  auto text = it.teller->node_->connections->self().info().address;
  auto where = atl::parse_endpoint(text);
  REQUIRE_MESSAGE(where.has_value(), text);
  return *where;
}

} // namespace

TEST_CASE(
    "a node whose roles name no address is asked at any free port, and says which roles it has") {
  bank it;
  auto node = it.start().value();
  auto where = address_of(it);
  CHECK(where.port != 0);
  asking from;
  auto status = from.client.status(where);
  REQUIRE_MESSAGE(status.has_value(), status.error().message);
  CHECK(status->name == "a");
  REQUIRE(status->roles.size() == 2);
  CHECK(status->roles[0].health == atl::runtime::health::serving);
  auto refused =
      from.client.ask(where, "guard", atl::runtime::message_kind::application, {}).error();
  CHECK_MESSAGE(refused.message.find("it has: teller, vault") != std::string::npos,
                refused.message);

  // A role that was taken down is shown as failed, and takes nothing.
  node->take_down("teller", {atl::errc::internal, "a mistake"});
  status = from.client.status(where);
  REQUIRE(status.has_value());
  REQUIRE(status->roles.size() == 2);
  CHECK(status->roles[0].role == "vault");
  CHECK(status->roles[1].role == "teller");
  CHECK(status->roles[1].health == atl::runtime::health::failed);
  CHECK(status->roles[1].text == "a mistake");
  refused = from.client.ask(where, "teller", atl::runtime::message_kind::application, {}).error();
  CHECK(refused.code == atl::errc::unavailable);
  CHECK_MESSAGE(refused.message.find("is down: a mistake") != std::string::npos, refused.message);
}

TEST_CASE("a role names the address of its node") {
  bank it;
  auto node = it.start("[vault]\nmood = \"at a port\"\n").value();
  CHECK(address_of(it) == atl::endpoint{"127.0.0.1", it.vault->port});
  asking from;
  CHECK(from.client.status({"127.0.0.1", it.vault->port}).has_value());
}

TEST_CASE("a data folder of another application is refused") {
  bank it;
  it.start().value().reset();
  it.program.name = "casino";
  auto refused = it.start();
  REQUIRE_FALSE(refused.has_value());
  CHECK_MESSAGE(refused.error().message.find("application 'bank', not to 'casino'") !=
                    std::string::npos,
                refused.error().message);
}
