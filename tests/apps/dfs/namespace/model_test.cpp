#include "model_actions.hpp"

#include <fmt/format.h>

#include <cstdlib>

/// Random commands, compared with a model in memory.
using namespace names;

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  auto* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

policy chunks_only() {
  auto made = two_copies();
  made.inline_bytes_max = 0;
  return made;
}

/// So that some of what is removed is restored, and some expires.
policy with_trash() {
  auto made = two_copies();
  made.trash_us = 200'000;
  return made;
}

/// One run: a name space in memory and the model beside it, with the same commands.
class run {
 public:
  explicit run(std::uint64_t seed) : seed_{seed} {
    auto created = atl::memory_state::create(std::make_unique<state::name_space_logic>());
    REQUIRE(created.has_value());
    names_ = std::move(*created);
    source_.emplace(seed, expected_, 2, 3);
    apply(single_action{commands::define_policy{two_copies()}});
    apply(single_action{commands::define_policy{chunks_only()}});
    apply(single_action{commands::define_policy{with_trash()}});
    for (std::string node : {"one", "two", "three"})
      apply(single_action{commands::register_storage{node, node}});
    step(commands::set_policy{at("/"), 1});
  }

  void draw_and_step() {
    step(source_->draw());
    if (source_->one_in(20)) { // as after a lost answer
      auto again = entries_.back();
      auto answer = answers_.back();
      CHECK(apply_bytes(again) == answer);
    }
  }

  /// Compares everything.
  void compare() {
    std::uint64_t files = 0;
    std::uint64_t directories = 0;
    std::uint64_t others = 0;
    std::uint64_t bytes = 0;
    std::set<std::uint64_t> chunks;
    for (auto& known : expected_.nodes()) {
      auto& node = known.second;
      compare_node(known.first, node);
      files += node.is.type == inode_type::file;
      directories += node.is.type == inode_type::directory;
      others += node.is.type != inode_type::file && node.is.type != inode_type::directory;
      bytes += node.is.type == inode_type::file ? node.content.size() : 0;
      for (const auto& byte : node.content)
        if (byte.what == cell::kind::chunk)
          chunks.insert(byte.chunk);
    }
    auto summary = ask(queries::summary{});
    CHECK(summary->files == files);
    CHECK(summary->directories == directories);
    CHECK(summary->others == others);
    CHECK(summary->bytes == bytes);
    CHECK(summary->chunks == chunks.size());
    CHECK(summary->pending_removals == 0);
    compare_trash();
    auto page = ask(queries::all_chunks{});
    std::set<std::uint64_t> known;
    for (const auto& chunk : page->chunks)
      known.insert(chunk.id.random);
    CHECK(known == chunks);
    state::auditor auditor;
    names_->visit_rows([&](std::string_view key, std::string_view value) {
      auditor.take(key, value);
      return true;
    });
    for (const auto& finding : auditor.finish().findings)
      FAIL_CHECK(finding);
  }

  const std::vector<std::string>& entries() const { return entries_; }
  const std::vector<std::string>& answers() const { return answers_; }

 private:
  template <class Query>
  atl::result<typename Query::response> ask(const Query& query) const {
    auto answer = names_->query(encode(query_message{query}));
    REQUIRE(answer.has_value());
    return decode_response<typename Query::response>(*answer);
  }

  std::string apply_bytes(const std::string& bytes) {
    auto answer = names_->apply({names_->applied() + 1, 0, false, bytes});
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    entries_.push_back(bytes);
    answers_.push_back(*answer);
    return *answer;
  }
  std::string apply(const action& what) {
    now_us_ += 1000;
    return apply_bytes(encode(command{{7, 7}, ++sequence_, now_us_, what}));
  }

  void step(const single_action& what) {
    auto answer = apply(what);
    expected_.begin(names_->applied(), static_cast<std::int64_t>(now_us_) * 1000);
    std::visit(
        [&](const auto& command) {
          if constexpr (requires { expected_.run(command); }) {
            using response = typename std::decay_t<decltype(command)>::response;
            check(decode_response<response>(answer), expected_.run(command));
          }
        },
        what);
    auto may_leave_work = std::holds_alternative<commands::unlink>(what) ||
                          std::holds_alternative<commands::end_mount>(what) ||
                          std::holds_alternative<commands::discard>(what) ||
                          std::holds_alternative<commands::release>(what);
    if (std::holds_alternative<commands::collect_garbage>(what) ||
        (may_leave_work && ask(queries::summary{})->pending_removals > 0))
      reclaim();
  }
  template <class Response>
  void check(const atl::result<Response>& answer, const model::verdict& wanted) {
    auto got = answer ? model::verdict{} : model::verdict{answer.error().code};
    if (got == wanted)
      return;
    FAIL(fmt::format("seed {}, entry {}: error {} instead of {}: {}", seed_, names_->applied(),
                     got ? static_cast<int>(*got) : -1, wanted ? static_cast<int>(*wanted) : -1,
                     answer ? "" : answer.error().message));
  }
  void reclaim() {
    for (auto more = true; more;) {
      commands::collect_garbage some;
      some.reclaimed_inodes_max = static_cast<std::uint32_t>(1 + source_->below(5));
      auto done = decode_response<responses::garbage_collected>(apply(single_action{some}));
      REQUIRE(done.has_value());
      more = done->pending_removals > 0 || done->discarded_entries > 0;
    }
    expected_.expire_trash(now_us_);
  }

  void compare_node(inode_id id, model::node& node) {
    CAPTURE(id);
    auto found = ask(queries::stat{in(id)});
    if (!model::is_reachable(node)) {
      REQUIRE_FALSE(found.has_value());
      CHECK(found.error().code == errc::not_found);
      return;
    }
    REQUIRE_MESSAGE(found.has_value(), found.error().message);
    auto is = found->attributes;
    if (std::exchange(node.changed_lately, false)) {
      CHECK(is.version >= node.is.version);
      node.is.version = is.version;
      node.is.ctime_ns = is.ctime_ns;
    }
    auto expected = node.is;
    expected.size_bytes = node.content.size();
    expected.extents = is.extents; // the audit counts them
    CHECK(is == expected);
    compare_xattrs(id, node);
    if (is.type == inode_type::directory)
      compare_entries(id, node);
    if (is.type == inode_type::file || is.type == inode_type::symlink)
      compare_content(id, node);
  }
  void compare_trash() {
    std::size_t expected = 0;
    for (const auto& [id, node] : expected_.nodes())
      expected += node.trash.has_value();
    std::uint64_t bytes = 0;
    std::size_t found = 0;
    queries::trash query;
    query.limit = 2;
    for (auto more = true; more;) {
      auto page = ask(query);
      REQUIRE(page.has_value());
      for (const auto& item : page->items) {
        auto known = expected_.nodes().find(item.inode);
        REQUIRE(known != expected_.nodes().end());
        REQUIRE(known->second.trash.has_value());
        CHECK(item.type == known->second.is.type);
        CHECK(item.from == known->second.trash->from);
        CHECK(item.removed_us == known->second.trash->removed_us);
        CHECK(item.expires_us == known->second.trash->expires_us);
        CHECK(item.is_counted);
        bytes += item.bytes;
        ++found;
      }
      more = page->more;
      query.after_expires_us = page->next_expires_us;
      query.after_inode = page->next_inode;
    }
    CHECK(found == expected);
    auto summary = ask(queries::summary{});
    CHECK(summary->trash_entries == expected);
    CHECK(summary->trash_bytes == bytes);
  }
  void compare_entries(inode_id id, const model::node& node) {
    std::map<std::string, inode_id> entries;
    queries::list query{in(id)};
    query.limit = 2;
    for (auto more = true; more;) {
      auto page = ask(query);
      REQUIRE(page.has_value());
      for (const auto& entry : page->entries)
        entries[entry.name] = entry.inode;
      more = page->more;
      if (more)
        query.after = page->entries.back().name;
    }
    CHECK(entries == node.entries);
  }
  void compare_content(inode_id id, const model::node& node) {
    auto opened = ask(queries::open{in(id)});
    REQUIRE(opened.has_value());
    REQUIRE_FALSE(opened->more);
    CHECK(cells_of(opened->pieces, opened->attributes.size_bytes) == node.content);
    if (!opened->pieces.empty()) { // and from the middle on
      const auto& last = opened->pieces.back();
      auto end = last.offset_bytes + last.length_bytes;
      auto rest = ask(queries::open{in(id), end - 1});
      CHECK(rest->pieces == std::vector<piece>{last});
      CHECK(ask(queries::open{in(id), end})->pieces.empty());
    }
  }
  void compare_xattrs(inode_id id, const model::node& node) {
    std::vector<std::string> expected;
    for (const auto& [name, value] : node.xattrs) {
      expected.push_back(name);
      auto got = ask(queries::get_xattr{in(id), name});
      REQUIRE(got.has_value());
      CHECK(got->value == value);
    }
    CHECK(ask(queries::list_xattrs{in(id)})->names == expected);
  }

  std::unique_ptr<atl::memory_state> names_;
  model expected_{{{1, two_copies()}, {2, chunks_only()}, {3, with_trash()}}};
  std::optional<action_source> source_;
  std::vector<std::string> entries_;
  std::vector<std::string> answers_;
  std::uint64_t seed_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t now_us_ = birth_us;
};

} // namespace

TEST_CASE("any commands leave what they leave in a model in memory") {
  auto seeds = number_from("ATOLL_NAMES_SEEDS", 4);
  auto steps = number_from("ATOLL_NAMES_STEPS", 3000);
  auto first = number_from("ATOLL_NAMES_FIRST_SEED", 1);
  // Comparisons take most of the time.
  std::uint64_t between_comparisons = steps > 100'000 ? 1000 : 100;
  for (auto seed = first; seed < first + seeds; ++seed) {
    CAPTURE(seed);
    run it{seed};
    for (std::uint64_t i = 1; i <= steps; ++i) {
      it.draw_and_step();
      if (i % between_comparisons == 0 || i == steps)
        it.compare();
    }
  }
}

TEST_CASE("replicas are equal whatever batches they apply, and wherever they restart") {
  run all{99};
  for (std::uint64_t i = 0; i < number_from("ATOLL_NAMES_DISK_STEPS", 1500); ++i)
    all.draw_and_step();
  atl::spi::random_source random{1};
  std::vector<std::string> digests;
  for (std::size_t batch_max : {1, 7, 100}) {
    temporary_folder folder;
    auto names = open(folder / "names");
    for (std::size_t next = 0; next < all.entries().size();) {
      std::vector<committed_entry> batch;
      for (auto size = 1 + random.below(batch_max); batch.size() < size; ++next) {
        if (next == all.entries().size())
          break;
        batch.push_back({next + 1, 0, false, all.entries()[next]});
      }
      auto got = names->apply(batch);
      REQUIRE(got.has_value());
      for (std::size_t i = 0; i < got->size(); ++i)
        CHECK((*got)[i] == all.answers()[batch[i].index - 1]);
      if (random.below(60) == 0)
        REQUIRE(names->flush().has_value());
      if (random.below(200) == 0) {
        names.reset();
        names = open(folder / "names");
        REQUIRE(names->applied() == next);
      }
    }
    digests.push_back(digest(*names));
    auto report = audit(*names);
    REQUIRE(report.has_value());
    CHECK(report->findings == std::vector<std::string>{});
    CHECK(report->rows > 20);
  }
  CHECK(digests == std::vector<std::string>(3, digests[0]));
}
