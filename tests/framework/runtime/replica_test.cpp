#include "temporary_folder.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

using namespace atl;
using namespace atl::runtime;

namespace {

/// A group of one, which commits a proposal as soon as it is durable. Commands of a test's choice
/// make it misbehave.
class solo_protocol : public spi::consensus {
 public:
  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp) override {
    spi::apply replay;
    for (auto& record : stable.records)
      if (record.index > applied)
        replay.entries.push_back({record.index, 0, false, record.bytes});
    if (!stable.records.empty())
      last_ = stable.records.back().index;
    if (!replay.entries.empty())
      effects_.push_back(std::move(replay));
  }
  void advance(spi::timestamp) override {}
  spi::timestamp deadline() const override { return spi::timestamp::max(); }
  void step(spi::replica_id, std::string_view) override {}
  void on_durable(spi::persist_token token) override {
    while (!waiting_.empty() && waiting_.front().first <= token) {
      effects_.push_back(spi::apply{{waiting_.front().second}});
      waiting_.erase(waiting_.begin());
    }
  }
  void on_unreachable(spi::replica_id) override {}
  void propose(spi::request_id id, std::string command) override {
    if (command == "throw")
      throw std::runtime_error("on purpose");
    if (command == "refuse") {
      effects_.push_back(spi::refuse{id, spi::refusal::not_proposed, 2, "ask the other one"});
      return;
    }
    if (command == "busy") {
      effects_.push_back(spi::refuse{id, spi::refusal::busy, 0, "try again"});
      return;
    }
    if (command == "end all changes") {
      for (auto change : std::exchange(changes_, {}))
        effects_.push_back(spi::apply{{{++last_, change, true, {}}}});
    } else if (command == "refuse all changes") {
      for (auto change : std::exchange(changes_, {}))
        effects_.push_back(spi::refuse{change, spi::refusal::unknown, 0, "another one leads"});
    }
    if (command == "fatal") {
      effects_.push_back(spi::fatal{"a record is damaged"});
      return;
    }
    effects_.push_back(spi::validate{id, command});
    asking_.emplace(id, std::move(command));
  }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    auto command = asking_.extract(ticket).mapped();
    if (!ok) {
      effects_.push_back(spi::refuse{ticket, spi::refusal::not_proposed, 0, std::string{reason}});
      return;
    }
    ++last_;
    effects_.push_back(spi::persist{++token_, {spi::put_record{0, last_, command}}});
    waiting_.push_back({token_, {last_, ticket, false, command}});
  }
  void read(spi::request_id id, spi::read_level) override {
    effects_.push_back(spi::read_ready{id, last_});
  }
  void reconfigure(spi::request_id id, std::vector<spi::replica_id>,
                   std::vector<spi::replica_id>) override {
    ++changes_asked;
    changes_.push_back(id);
  }
  void transfer(spi::replica_id to) override { leader = to; }
  void on_applied(spi::log_index) override {}
  void on_snapshot_sent(spi::replica_id, bool) override {}
  void on_snapshot_received(spi::log_index, std::string_view) override {}
  std::string snapshot_blob(spi::log_index) const override { return {}; }
  void on_installed(spi::log_index) override {}
  void drain(std::vector<spi::effect>& out) override {
    for (auto& effect : effects_)
      out.push_back(std::move(effect));
    effects_.clear();
  }
  spi::consensus_status status() const override {
    spi::consensus_status it;
    it.leader = leader;
    return it;
  }

  std::atomic<spi::replica_id> leader = 1;
  std::atomic<int> changes_asked = 0;

 private:
  std::vector<spi::effect> effects_;
  std::vector<spi::request_id> changes_; ///< requested, and not answered yet
  std::map<std::uint64_t, std::string> asking_;
  std::vector<std::pair<spi::persist_token, spi::committed_entry>> waiting_;
  spi::log_index last_ = 0;
  spi::persist_token token_ = 0;
};

/// Stores the commands; responds with their number.
class list_machine : public state_machine {
 public:
  spi::log_index applied() const override {
    return 0;
  } // stores nothing: every start replays the log
  result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) override {
    std::lock_guard lock{mutex_};
    std::vector<std::string> answers;
    for (auto& entry : entries) {
      commands_.push_back(entry.command);
      answers.push_back(std::to_string(commands_.size()));
    }
    return answers;
  }
  result<std::string> query(std::string_view) const override {
    std::lock_guard lock{mutex_};
    std::string all;
    for (auto& command : commands_)
      all += command + ";";
    return all;
  }
  std::optional<error> admission_check(std::string_view command) const override {
    if (command != "too much")
      return std::nullopt;
    return error{errc::no_space, "the disk is full"};
  }
  std::optional<std::string> shortage() const override {
    return is_short ? std::optional{std::string{"3 MiB are left"}} : std::nullopt;
  }
  bool takes_space(std::string_view command) const override {
    return !command.starts_with("remove");
  }
  void stamp(std::string& command, std::chrono::microseconds since_1970) const override {
    if (command.starts_with(stamped))
      command = stamped + std::to_string(since_1970.count());
  }
  std::chrono::microseconds latest_stamp() const override {
    return std::chrono::microseconds{latest_us.load()};
  }
  result<spi::log_index> flush() override { return 0; }
  result<spi::log_index> save(const std::filesystem::path& folder) override {
    if (is_full)
      return fail(errc::no_space, "there is no room for a copy");
    std::filesystem::create_directory(folder);
    std::lock_guard lock{mutex_};
    return commands_.size();
  }
  result<spi::log_index> load(const std::filesystem::path&) override { return 0; }

  inline static const std::string stamped =
      "at "; ///< the prefix of a command that contains its stamp
  std::atomic<bool> is_short = false;
  std::atomic<bool> is_full = false;       ///< no copy can be saved
  std::atomic<std::int64_t> latest_us = 0; ///< `latest_stamp`

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
};

struct failure_watch {
  std::mutex mutex;
  std::condition_variable changed;
  std::string failure;

  caf::actor supervisor(caf::actor_system& actors) {
    return actors.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const node_failure& event) {
        std::lock_guard lock{mutex};
        failure = event.problem.message;
        changed.notify_all();
      }};
    });
  }
  std::string wait() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return !failure.empty(); });
    return failure;
  }
};

struct one_replica {
  explicit one_replica(const std::filesystem::path& folder,
                       const std::filesystem::path& snapshots = {}) {
    replica_actor::settings settings;
    node_info self;
    self.cluster = "reef";
    self.name = "only";
    settings.connections = std::make_shared<peer_connections>(
        *actors, std::make_shared<node_description>(self), connection_settings{}, 1);
    settings.role.name = "master";
    settings.role.replica = 1;
    settings.role.consensus = {"solo", "1.0.0", {}, {}};
    settings.group = {{1, "only", {"127.0.0.1", 1}},
                      {2, "other", {"127.0.0.1", 2}},
                      {3, "third", {"127.0.0.1", 3}}};
    auto log = record_log::open(folder / "log", 1);
    if (!log)
      throw std::runtime_error(log.error().message);
    settings.stable = *(*log)->load();
    settings.log = std::move(*log);
    settings.voters = {1, 2, 3};
    settings.machine = machine;
    settings.snapshots = snapshots;
    settings.snapshots_listen = {"127.0.0.1", 0};
    settings.protocol = protocol;
    settings.supervisor = watch.supervisor(*actors);
    replica = spawn_on_io_thread<replica_actor>(*actors, std::move(settings));
  }
  ~one_replica() {
    caf::anon_send_exit(replica, caf::exit_reason::user_shutdown);
    replica = nullptr;
  }

  template <class Request>
  reply call(Request request) {
    reply answer{fail(errc::internal, "no answer"), {}, false};
    caf::scoped_actor self{*actors};
    self->request(replica, std::chrono::seconds{20}, std::move(request))
        .receive([&](const envelope& got) { answer = decode_reply(got.body); },
                 [&](const caf::error& problem) {
                   answer.value = fail(errc::internal, caf::to_string(problem));
                 });
    return answer;
  }

  state_copied copy() {
    state_copied answer{{}, fail(errc::internal, "no answer")};
    caf::scoped_actor self{*actors};
    self->request(replica, std::chrono::seconds{20}, copy_state{})
        .receive([&](state_copied& got) { answer = std::move(got); },
                 [&](const caf::error& problem) {
                   answer.index = fail(errc::internal, caf::to_string(problem));
                 });
    return answer;
  }

  /// The responses to concurrent requests, in the order of the requests.
  template <class... Request>
  std::vector<reply> call_concurrently(Request... requests) {
    caf::scoped_actor self{*actors};
    std::vector<decltype(self->request(replica, std::chrono::seconds{20}, get_replica_view{}))>
        under_way;
    (under_way.push_back(self->request(replica, std::chrono::seconds{20}, std::move(requests))),
     ...);
    std::vector<reply> answers;
    for (auto& it : under_way)
      it.receive([&](const envelope& got) { answers.push_back(decode_reply(got.body)); },
                 [&](const caf::error& problem) {
                   answers.push_back({fail(errc::internal, caf::to_string(problem)), {}, false});
                 });
    return answers;
  }

  void tell_space(spi::replica_id peer, bool is_short) {
    caf::anon_send(replica, peer_space{peer, is_short});
  }

  std::shared_ptr<list_machine> machine = std::make_shared<list_machine>();
  std::shared_ptr<solo_protocol> protocol = std::make_shared<solo_protocol>();
  failure_watch watch;
  runtime::system actors{2};
  caf::actor replica;
};

} // namespace

TEST_CASE("commands are answered once they are durable and applied, and reads see their effects") {
  temporary_folder folder;
  one_replica node{folder.path()};
  for (int i = 1; i <= 20; ++i) {
    auto answer = node.call(submit_command{fmt::format("c{}", i)});
    REQUIRE(answer.value.has_value());
    CHECK(*answer.value == std::to_string(i));
  }
  auto seen = node.call(query_state{"all"});
  REQUIRE(seen.value.has_value());
  CHECK(seen.value->starts_with("c1;c2;"));
  CHECK(seen.value->ends_with("c20;"));
}

TEST_CASE("a local read reports the index up to which the replica has applied") {
  temporary_folder folder;
  one_replica node{folder.path()};
  for (auto command : {"a", "b", "c"})
    REQUIRE(node.call(submit_command{command}).value.has_value());
  auto seen = node.call(query_state{"all", spi::read_level::local});
  REQUIRE(seen.value.has_value());
  auto local = decode_local_response(*seen.value);
  REQUIRE(local.has_value());
  CHECK(local->applied == 3);
  CHECK(local->response == "a;b;c;");
}

TEST_CASE("a command carries the time of the replica that proposes it, whatever its client wrote") {
  using std::chrono::hours;
  using std::chrono::microseconds;
  temporary_folder folder;
  one_replica node{folder.path()};
  auto wall = [] {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<microseconds>(now).count();
  };
  auto last_stamp = [&] {
    auto all = *node.call(query_state{"all"}).value;
    return std::stoll(all.substr(all.rfind(list_machine::stamped) + list_machine::stamped.size()));
  };
  auto before = wall();
  REQUIRE(node.call(submit_command{"at 99999999999999999"}).value.has_value());
  CHECK(last_stamp() >= before);
  CHECK(last_stamp() <= wall());

  // Another leader with a clock an hour ahead led meanwhile: stamps continue from its time.
  auto ahead = wall() + microseconds{hours{1}}.count();
  node.machine->latest_us = ahead;
  REQUIRE(node.call(submit_command{"at 0"})
              .value.has_value()); // the state's time reaches the replica with the response
  REQUIRE(node.call(submit_command{"at 0"}).value.has_value());
  CHECK(last_stamp() >= ahead);
  CHECK(last_stamp() < ahead + microseconds{hours{1}}.count());
}

TEST_CASE("a protocol that asks for validation of a command gets the reason of a refusal") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"too much"});
  REQUIRE_FALSE(answer.value.has_value());
  CHECK(answer.value.error().message == "the disk is full");
  CHECK(node.call(submit_command{"little"}).value == "1");
}

TEST_CASE("a restarted replica applies the durable entries") {
  temporary_folder folder;
  {
    one_replica node{folder.path()};
    REQUIRE(node.call(submit_command{"before"}).value.has_value());
  }
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"after"});
  REQUIRE(answer.value.has_value());
  CHECK(*node.call(query_state{"all"}).value == "before;after;");
}

TEST_CASE("a refusal contains the leader's address") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"refuse"});
  REQUIRE_FALSE(answer.value.has_value());
  CHECK(answer.value.error().message == "ask the other one");
  CHECK(answer.hint == "127.0.0.1:2");
  CHECK_FALSE(answer.in_doubt);
}

TEST_CASE("a temporary obstacle is reported to clients as busy") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"busy"});
  REQUIRE_FALSE(answer.value.has_value());
  CHECK(answer.value.error().code == errc::busy);
  CHECK_FALSE(answer.in_doubt);
}

TEST_CASE("repeated requests for the same membership change share the change and its response") {
  temporary_folder folder;
  one_replica node{folder.path()};
  change_members wanted{{1, 2, 3}, {4}, {}};
  change_members reordered{{3, 1, 2}, {4}, {}};
  for (auto& it : node.call_concurrently(wanted, reordered, submit_command{"end all changes"}))
    CHECK(it.value.has_value());
  CHECK(node.protocol->changes_asked == 1);
  auto answers = node.call_concurrently(wanted, wanted, submit_command{"refuse all changes"});
  CHECK(node.protocol->changes_asked == 2); // the earlier change was answered
  for (auto it : {0U, 1U}) {
    REQUIRE_FALSE(answers[it].value.has_value());
    CHECK(answers[it].value.error().message == "another one leads");
    CHECK(answers[it].in_doubt);
  }
}

TEST_CASE("each request for a different membership change reaches the protocol") {
  temporary_folder folder;
  one_replica node{folder.path()};
  change_members first{{1, 2, 3}, {4}, {}};
  change_members others[] = {{{1, 2, 3}, {}, {}}, {{1, 2, 3, 4}, {}, {}}, {{1, 2}, {4}, {}}};
  for (auto& it : node.call_concurrently(first, others[0], others[1], others[2], first,
                                         submit_command{"end all changes"}))
    CHECK(it.value.has_value());
  CHECK(node.protocol->changes_asked == 4);
}

TEST_CASE("a replica whose plugin throws stops with the plugin's name and gives no wrong "
          "response") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"throw"});
  REQUIRE_FALSE(answer.value.has_value());
  auto failure = node.watch.wait();
  CHECK(failure.find("solo 1.0.0") != std::string::npos);
  CHECK(failure.find("on purpose") != std::string::npos);
  CHECK(node.call(submit_command{"more"}).value.error().code == errc::unavailable);
  CHECK(node.call(query_state{"all"}).value.error().code == errc::unavailable);
}

TEST_CASE("a protocol that reports a fatal error stops the replica with the reason") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto answer = node.call(submit_command{"fatal"});
  REQUIRE_FALSE(answer.value.has_value());
  CHECK(answer.in_doubt);
  CHECK(node.watch.wait() == "a record is damaged");
}

TEST_CASE("while no majority has disk space a leader refuses commands that need space, and "
          "accepts those that free it") {
  temporary_folder folder;
  one_replica node{folder.path()};
  SUBCASE("the disks of two followers are full") {
    node.tell_space(2, true);
    node.tell_space(3, true);
  }
  SUBCASE("the disks of the leader and a follower are full") {
    node.machine->is_short = true;
    node.tell_space(3, true);
  }
  auto refused = node.call(submit_command{"put"});
  REQUIRE_FALSE(refused.value.has_value());
  CHECK(refused.value.error().code == errc::no_space);
  CHECK_FALSE(refused.in_doubt);
  auto& said = refused.value.error().message;
  CHECK_MESSAGE(said.find("third") != said.npos, said);
  CHECK((said.find("3 MiB are left") != said.npos) == node.machine->is_short);
  CHECK(node.call(submit_command{"remove"}).value == "1");
  CHECK(*node.call(query_state{"all"}).value == "remove;");

  node.machine->is_short = false;
  node.tell_space(3, false);
  CHECK(node.call(submit_command{"put"}).value == "2");
}

TEST_CASE("a leader whose disk alone is full transfers leadership to a master with space") {
  temporary_folder folder;
  one_replica node{folder.path()};
  node.machine->is_short = true;
  auto answer = node.call(submit_command{"put"});
  REQUIRE_FALSE(answer.value.has_value());
  CHECK(answer.value.error().code == errc::unavailable); // so that the client tries again
  // The protocol is asked for the transfer before it sees any later request.
  node.call(submit_command{"remove"});
  CHECK(node.protocol->leader == 2);
}

TEST_CASE("a follower whose disk is full refuses no command itself") {
  temporary_folder folder;
  one_replica node{folder.path()};
  node.protocol->leader = 2;
  node.machine->is_short = true;
  node.tell_space(3, true);
  CHECK(node.call(submit_command{"put"}).value ==
        "1"); // the protocol alone decides which replica leads
}

TEST_CASE("copies of the state are made in folders of their own, and removed at the next start") {
  namespace fs = std::filesystem;
  temporary_folder folder;
  fs::path first;
  {
    one_replica node{folder.path(), folder / "snapshots"};
    REQUIRE(node.call(submit_command{"a"}).value.has_value());
    auto copy = node.copy();
    CHECK(copy.index == spi::log_index{1});
    first = copy.folder;
    CHECK(fs::is_directory(first));
    REQUIRE(node.call(submit_command{"b"}).value.has_value());
    auto second = node.copy();
    CHECK(second.index == spi::log_index{2});
    CHECK(second.folder != first);
    node.machine->is_full = true;
    auto failed = node.copy();
    REQUIRE_FALSE(failed.index.has_value());
    CHECK(failed.index.error().message == "there is no room for a copy");
  }
  CHECK(fs::exists(first));
  one_replica again{folder.path(), folder / "snapshots"};
  REQUIRE(again.call(query_state{"all"}).value.has_value()); // it has started
  CHECK_FALSE(fs::exists(first));
}

TEST_CASE("a replica without a folder for copies refuses to make one") {
  temporary_folder folder;
  one_replica node{folder.path()};
  auto copy = node.copy();
  REQUIRE_FALSE(copy.index.has_value());
  CHECK(copy.index.error().code == errc::refused);
}
