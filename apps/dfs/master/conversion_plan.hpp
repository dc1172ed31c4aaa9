#pragma once

#include "common/conversion_protocol.hpp"
#include "common/conversion_setting.hpp"
#include "master/registry.hpp"
#include "namespace/command.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>
#include <atoll/keep/token_bucket.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs {

/// Decides how files come to be stored by other policies: which chunk a storage node stores again,
/// when files refer to what was stored, and when a conversion is over. Each conversion looks at
/// all its files, at first to count, then to convert, until it finds nothing more. Chunks are given
/// out within a rate, and no more until the space of those that were replaced has been collected.
/// Whatever is lost with a leader or a node is found again, because only the name space says what
/// is done. Pure: the master carries out each step. Not thread-safe.
class conversion_plan {
 public:
  using time = steady_time;

  /// A page of names that a conversion looks at.
  struct page_query {
    std::uint64_t run = 0; ///< of the conversion
    queries::unconverted what;
  };

  /// A command that a file refers to what was stored.
  struct commit {
    std::uint64_t id = 0;
    commands::replace_chunk what;
  };

  /// What is under way is forgotten, as is all that orders of other terms have led to.
  void begin_term(std::uint64_t term);
  /// All conversions that operators want. Those that aren't named any more end. One that was
  /// ordered again since begins again.
  void set_conversions(const std::vector<conversion>& wanted);
  /// @param bytes_a_second of chunks; 0: any number
  void set_rate(std::uint64_t bytes_a_second, time now);
  /// Bytes of chunks that may be replaced before their space is collected.
  void set_uncollected_max(std::uint64_t bytes) { uncollected_max_ = bytes; }

  /// The next page to look at; it counts as asked for until `on_page`.
  std::optional<page_query> next_page(time now);
  void on_page(std::uint64_t run, atl::result<responses::unconverted_page> page, time now);

  /// Takes a storage node's results, and gives it orders.
  protocol::conversion_response answer(const protocol::conversion_request& request, time now);

  /// Commands to carry out, each once.
  std::vector<commit> take_commits() { return std::exchange(commits_, {}); }
  void on_committed(std::uint64_t id, const atl::status& outcome, time now);

  /// Ends passes and conversions. @returns the conversions that are done: nothing is left there
  std::vector<inode_id> take_finished(time now);

  bool is_active() const { return !conversions_.empty(); }
  /// Should garbage be collected now? Until `on_collected`, no orders are given.
  bool wants_collection() const;
  void on_collected() { uncollected_ = 0; }

  std::vector<protocol::conversion_view> views() const;

 private:
  using item = responses::unconverted_page::item;

  struct progress {
    conversion what;
    std::uint64_t run = 0; ///< unique: what was begun for an earlier order of it isn't counted here
    bool is_counting = true;
    bool is_asking = false;    ///< for a page
    bool has_looked = false;   ///< at all pages of this pass
    queries::unconverted next; ///< the page that comes next
    time not_before{};         ///< when the next page may be asked for
    std::uint64_t found = 0;   ///< in this pass
    std::uint64_t pending = 0; ///< found, and not committed or given up
    std::uint64_t failed = 0;  ///< in this pass
    std::uint64_t counted_chunks = 0;
    std::uint64_t counted_bytes = 0;
    /// Files with several names, and the policy of the first one that was seen: the directories of
    /// the others may have other policies.
    std::map<inode_id, policy_id> linked;
    protocol::conversion_view seen;
  };

  /// A part of a file that a chunk is to be replaced in.
  struct use {
    std::uint64_t run = 0; ///< of the conversion
    item what;
  };

  using chunk_key = std::pair<chunk_id, policy_id>; ///< a chunk, and how it is to be stored

  struct work {
    chunk_record chunk;
    policy_id policy = no_policy;
    std::vector<use> uses;
    std::string node; ///< that it was given to; empty: it waits
    time expires{};
    std::size_t commits_left = 0; ///< 0: it isn't stored yet
  };

  struct commit_under_way {
    use of;
    std::uint64_t work = 0;          ///< 0: nothing was to be stored
    std::optional<chunk_key> reused; ///< what was stored for another file
  };

  void start_pass(progress& of) const;
  void take_items(progress& of, std::vector<item> items);
  void add_item(progress& of, item found);
  void add_commit(const use& of, std::vector<chunk_record> to, std::uint64_t work,
                  std::optional<chunk_key> reused);
  void take_result(const std::string& node, const protocol::conversion_result& result);
  void on_stored(std::uint64_t id, work& done, const std::vector<chunk_record>& stored);
  void give_up(std::uint64_t id, const std::string& why);
  void remember(const chunk_key& key, const std::vector<chunk_record>& stored);
  void expire(time now);
  std::optional<protocol::conversion_order> next_order(const std::string& node, time now);
  progress* find_run(std::uint64_t run);
  void note_failure(progress& of, const std::string& why) const;
  void drop_uses_of_ended();

  std::uint64_t term_ = 0;
  std::map<inode_id, progress> conversions_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, work> works_;
  std::deque<std::uint64_t> waiting_; ///< works to give out
  std::map<chunk_key, std::uint64_t> work_on_;
  std::vector<commit> commits_;
  std::map<std::uint64_t, commit_under_way> committing_;
  /// What was stored lately, for other files that share the chunk.
  std::map<chunk_key, std::vector<chunk_record>> stored_;
  std::deque<chunk_key> stored_order_; ///< the oldest first
  atl::keep::token_bucket bucket_;
  std::uint64_t rate_ = 0;
  std::uint64_t uncollected_ = 0;
  bool may_have_predecessors_ = false; ///< what other leaders have replaced may wait for collection
  std::uint64_t uncollected_max_ = std::uint64_t{1} << 30;
};

} // namespace dfs
