#pragma once

#include "command_builders.hpp"
#include "namespace/audit.hpp"
#include "namespace/keys.hpp"
#include "namespace/name_space.hpp"
#include "namespace/name_space_logic.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/state/memory_state.hpp>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace names {

using namespace dfs;
using atl::errc;
using atl::spi::committed_entry;

constexpr std::uint64_t second_us = 1'000'000;
constexpr std::uint64_t birth_us = 1'700'000'000 * second_us;
constexpr std::int64_t birth_ns = static_cast<std::int64_t>(birth_us) * 1000;

inline std::unique_ptr<name_space> open(const std::filesystem::path& folder) {
  name_space::settings settings;
  settings.cluster_id = "reef";
  settings.free_bytes_min = 0;
  auto opened = open_name_space(folder, settings);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

inline std::string apply_entry(name_space& names, const std::string& bytes) {
  committed_entry entry{names.applied() + 1, 0, bytes.empty(), bytes};
  auto answers = names.apply({&entry, 1});
  REQUIRE_MESSAGE(answers.has_value(), answers.error().message);
  return answers->front();
}

inline std::string digest(const name_space& names) {
  auto text = names.digest();
  REQUIRE(text.has_value());
  return *text;
}

using row_map = std::map<std::string, std::string, std::less<>>;

/// What is wrong in the rows.
inline std::vector<std::string> findings_in(const row_map& rows) {
  state::auditor auditor;
  for (const auto& [key, value] : rows)
    auditor.take(key, value);
  return auditor.finish().findings;
}

/// A name space with a policy of the root, and one client with a session.
class client {
 public:
  virtual ~client() = default;

  template <class Command>
  atl::result<typename Command::response> run(Command what) {
    now_us_ += second_us;
    return decode_response<typename Command::response>(
        apply(encode(command{{1, 1}, ++sequence_, now_us_, std::move(what)})));
  }
  /// The error of a command that must fail.
  template <class Command>
  errc fault_of(Command what) {
    auto done = run(std::move(what));
    REQUIRE_FALSE(done.has_value());
    return done.error().code;
  }
  template <class Query>
  atl::result<typename Query::response> query(const Query& what) const {
    auto answer = ask(encode(query_message{what}));
    if (!answer)
      return tl::unexpected{answer.error()};
    return decode_response<typename Query::response>(*answer);
  }

  /// Stores a file, with missing parents, over a file that is there.
  atl::result<responses::changed> put(const std::string& path, std::string text = "text") {
    return run(new_file(at(path), text_pieces(std::move(text))));
  }
  atl::result<responses::changed> put(const std::string& path,
                                      const std::vector<chunk_record>& chunks) {
    return run(new_file(at(path), chunk_pieces(chunks)));
  }
  atl::result<responses::changed> make_directory(const std::string& path) {
    return run(new_directory(at(path)));
  }
  atl::result<responses::changed> remove(const std::string& path, bool recursive = false) {
    return run(commands::unlink{at(path), commands::unlink::expect::anything, recursive});
  }
  atl::result<responses::changed> rename(const std::string& from, const std::string& to) {
    return run(commands::rename{at(from), at(to)});
  }
  /// Reclaims all that was removed.
  void collect_garbage() {
    while (run(commands::collect_garbage{0, 100, 0})->pending_removals > 0) {
    }
  }

  atl::result<responses::entry> stat(const std::string& path) const {
    return query(queries::stat{at(path)});
  }
  bool exists(const std::string& path) const { return stat(path).has_value(); }
  inode_attributes attributes(const place& where) const {
    auto found = query(queries::stat{where});
    REQUIRE_MESSAGE(found.has_value(), found.error().message);
    return found->attributes;
  }
  inode_attributes attributes(const std::string& path) const { return attributes(at(path)); }
  inode_id inode(const std::string& path) const {
    auto found = stat(path);
    REQUIRE_MESSAGE(found.has_value(), found.error().message);
    return found->inode;
  }
  atl::result<responses::opened> open_file(const std::string& path) const {
    return query(queries::open{at(path)});
  }
  std::string text(const std::string& path) const {
    auto opened = open_file(path);
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    return text_of(*opened);
  }

  /// A chunk of 100 bytes on the storage nodes 1 and 2.
  chunk_record chunk(std::uint64_t number) const {
    return {{now_us_, number}, 100, {1, 2}, 0, policy_};
  }
  void register_storages() {
    for (auto* name : {"one", "two", "three"})
      REQUIRE(run(commands::register_storage{name, std::string{"uuid of "} + name}).has_value());
  }
  bool knows(const chunk_record& chunk) const {
    auto known = query(queries::known{{chunk.id}});
    REQUIRE(known.has_value());
    REQUIRE(known->examined == 1);
    return known->chunks.size() == 1;
  }
  responses::summary summary() const { return *query(queries::summary{}); }
  policy_id policy() const { return policy_; }
  std::uint64_t now_us() const { return now_us_; }
  std::int64_t now_ns() const { return static_cast<std::int64_t>(now_us_) * 1000; }
  void sleep(std::uint64_t us) { now_us_ += us; }

 protected:
  void define_root_policy() {
    auto defined = run(commands::define_policy{two_copies()});
    REQUIRE(defined.has_value());
    policy_ = defined->id;
    REQUIRE(run(commands::set_policy{at("/"), policy_}).has_value());
  }

 private:
  virtual std::string apply(const std::string& bytes) = 0;
  virtual atl::result<std::string> ask(std::string_view query) const = 0;

  std::uint64_t sequence_ = 0;
  std::uint64_t now_us_ = birth_us;
  policy_id policy_ = no_policy;
};

/// In a folder of its own.
class subject final : public client {
 public:
  subject() : names_{open(folder_ / "names")} { define_root_policy(); }

  void restart() {
    names_.reset();
    names_ = names::open(folder_ / "names");
  }
  name_space& names() { return *names_; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  std::string apply(const std::string& bytes) override { return apply_entry(*names_, bytes); }
  atl::result<std::string> ask(std::string_view query) const override {
    return names_->query(query);
  }

  temporary_folder folder_;
  std::unique_ptr<name_space> names_;
};

/// In memory, and audited after each command.
class audited_subject final : public client {
 public:
  explicit audited_subject(
      std::unique_ptr<atl::service_logic> logic = std::make_unique<state::name_space_logic>()) {
    auto created = atl::memory_state::create(std::move(logic));
    REQUIRE_MESSAGE(created.has_value(), created.error().message);
    names_ = std::move(*created);
    define_root_policy();
  }

  row_map rows() const {
    row_map all;
    names_->visit_rows([&](std::string_view key, std::string_view value) {
      all.emplace(key, value);
      return true;
    });
    return all;
  }
  /// The chunk's row, which must exist.
  state::stored_chunk stored(const chunk_record& chunk) const {
    state::stored_chunk found;
    auto all = rows();
    auto row = all.find(state::keys::chunk(chunk.id));
    REQUIRE(row != all.end());
    REQUIRE(decode(row->second, found));
    return found;
  }
  state::meta counters() const {
    state::meta found;
    REQUIRE(decode(rows().at(state::keys::meta()), found));
    return found;
  }

 private:
  std::string apply(const std::string& bytes) override {
    auto answer = names_->apply({names_->applied() + 1, 0, false, bytes});
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    for (const auto& finding : findings_in(rows()))
      FAIL_CHECK(finding);
    return *answer;
  }
  atl::result<std::string> ask(std::string_view query) const override {
    return names_->query(query);
  }

  std::unique_ptr<atl::memory_state> names_;
};

} // namespace names
