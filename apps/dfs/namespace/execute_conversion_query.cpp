#include "namespace/chunks.hpp"
#include "namespace/directories.hpp"
#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/resolver.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using responses::unconverted_page;
using responses::walk_step;

namespace {

/// An item without its chunk.
constexpr std::size_t item_bytes = 8 + 4 + 8 + 8 + 4;

/// Walks through directories, and notes what their files have that is to be converted.
class conversion_walk {
 public:
  conversion_walk(present_reader& state, std::vector<walk_step> steps, std::uint64_t from_offset)
      : state_{state}, page_{0, used_by(steps)}, steps_{std::move(steps)}, from_offset_{
                                                                               from_offset} {}

  unconverted_page run() {
    if (from_offset_ > 0)
      finish_file();
    while (!steps_.empty() && !is_full_ && !state_.failure())
      visit_entries();
    answer_.more = is_full_;
    if (is_full_)
      answer_.next = std::move(steps_);
    return std::move(answer_);
  }

  /// The walk of one file alone.
  unconverted_page run_file(inode_id file, inode_id directory, std::string name) {
    steps_ = {{directory, std::move(name)}};
    visit_file(file, directory, from_offset_);
    answer_.more = is_full_;
    if (is_full_)
      answer_.next = std::move(steps_);
    return std::move(answer_);
  }

 private:
  static std::size_t used_by(const std::vector<walk_step>& steps) {
    std::size_t bytes = 0;
    for (const auto& step : steps)
      bytes += sizeof(inode_id) + sizeof(std::uint32_t) + step.after.size();
    return std::min(bytes, limits::response_bytes_max / 2);
  }

  /// Goes on with the file in which the page before ended, if it is still there.
  void finish_file() {
    auto offset = std::exchange(from_offset_, 0);
    if (steps_.empty())
      return;
    auto at = steps_.back();
    auto entry = state_.find_entry(at.directory, at.after);
    if (entry && entry->type == inode_type::file)
      visit_file(entry->id, at.directory, offset);
    if (is_full_ && answer_.next_offset == 0)
      answer_.next_offset = offset;
  }

  /// Visits what comes next in the deepest directory, down to the next directory below.
  void visit_entries() {
    auto depth = steps_.size();
    auto directory = steps_.back().directory;
    auto from = keys::entry(directory, steps_.back().after);
    if (!steps_.back().after.empty())
      from.push_back('\0');
    auto has_descended = false;
    state_.scan(
        keys::entries_of(directory), from, [&](std::string_view key, std::string_view value) {
          dirent entry;
          if (!decode(value, entry)) {
            state_.fail_damaged("an entry of a directory");
            return false;
          }
          if (!note_row())
            return false;
          if (entry.type == inode_type::file)
            visit_file(entry.id, directory, 0);
          if (is_full_ && answer_.next_offset == 0)
            return false; // nothing of the file fitted: it is visited again
          steps_[depth - 1].after = keys::name_in(key);
          has_descended = entry.type == inode_type::directory && depth < limits::path_depth_max;
          if (has_descended)
            steps_.push_back({entry.id, {}});
          return !is_full_ && !has_descended && !state_.failure();
        });
    if (!is_full_ && !has_descended)
      steps_.pop_back();
  }

  bool note_row() {
    is_full_ = is_full_ || ++rows_ > limits::conversion_rows_examined_max;
    return !is_full_;
  }

  void visit_file(inode_id id, inode_id directory, std::uint64_t offset) {
    auto wanted_id = policy_of(directory);
    auto* wanted = find(wanted_id);
    if (wanted == nullptr)
      return;
    auto file = state_.must_inode(id);
    auto has_items = offset > 0;
    state_.scan(keys::extents_of(id), keys::extent(id, offset + 1),
                [&](std::string_view key, std::string_view value) {
                  extent row;
                  auto end = keys::extent_end_in(key);
                  if (!end || !decode(value, row) || row.begin >= *end) {
                    state_.fail_damaged(fmt::format("an extent of inode {}", id));
                    return false;
                  }
                  if (!note_row()) {
                    answer_.next_offset = row.begin;
                    return false;
                  }
                  if (auto* part = std::get_if<extent::part>(&row.content))
                    has_items |=
                        note_extent(id, file, row.begin, *end, part->chunk, *wanted, wanted_id);
                  return !is_full_ && !state_.failure();
                });
    // A file without a range in a chunk takes the policy on for what is written later. With
    // several names it has that of any of their directories.
    auto* has = find(file.policy);
    if (!has_items && !is_full_ && file.links == 1 && has != nullptr &&
        !is_stored_alike(*has, *wanted))
      note({id, file.links, 0, 0, {}, wanted_id});
    answer_.files += is_full_ ? 0 : 1;
  }

  /// @returns whether the extent is to be converted
  bool note_extent(inode_id id, const inode& file, std::uint64_t begin, std::uint64_t end,
                   const chunk_id& chunk, const policy& wanted, policy_id wanted_id) {
    if (!answer_.items.empty() && answer_.items.back().inode == id &&
        answer_.items.back().chunk.id == chunk) {
      answer_.items.back().length_bytes = end - answer_.items.back().offset_bytes;
      return true;
    }
    auto stored = state_.must_chunk(chunk);
    auto* has = find(stored.policy);
    if (has == nullptr || is_stored_alike(*has, wanted))
      return false;
    if (!note({id, file.links, begin, end - begin, record_of(chunk, stored), wanted_id}))
      answer_.next_offset = begin;
    return true;
  }

  bool note(unconverted_page::item found) {
    if (!page_.take(item_bytes + wire::encoded_bytes(found.chunk))) {
      is_full_ = true;
      return false;
    }
    answer_.items.push_back(std::move(found));
    return true;
  }

  policy_id policy_of(inode_id directory) {
    if (directory != policy_directory_) {
      policy_directory_ = directory;
      policy_ = policy_in(state_, directory).id;
    }
    return policy_;
  }

  /// Null: there is no such policy.
  const policy* find(policy_id id) {
    auto [known, is_new] = policies_.try_emplace(id);
    if (is_new)
      known->second = state_.find_policy(id);
    return known->second ? &*known->second : nullptr;
  }

  present_reader& state_;
  page page_;
  std::vector<walk_step> steps_;
  std::uint64_t from_offset_;
  unconverted_page answer_;
  std::uint32_t rows_ = 0;
  bool is_full_ = false;
  inode_id policy_directory_ = 0;
  policy_id policy_ = no_policy; ///< that holds there
  std::map<policy_id, std::optional<policy>> policies_;
};

} // namespace

result<unconverted_page> execute(present_reader& state, const queries::unconverted& query) {
  if (query.after.size() > limits::path_depth_max)
    return fail(errc::invalid, "a walk goes on deeper than directories are");
  auto path = parse_path(query.under);
  if (!path)
    return tl::unexpected{path.error()};
  auto found = resolve(state, *path);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type == inode_type::directory) {
    auto steps = query.after;
    if (steps.empty())
      steps.push_back({found->id, {}});
    return conversion_walk{state, std::move(steps), query.from_offset}.run();
  }
  if (found->type != inode_type::file)
    return fail(errc::refused, fmt::format("{} is a {}, not a file or a directory",
                                           in_quotes(query.under), name_of(found->type)));
  if (path->names.empty())
    return fail(errc::invalid, "a file is named by its directory and its name in there");
  auto parent = resolve_parent(state, *path);
  if (!parent)
    return tl::unexpected{parent.error()};
  return conversion_walk{state, {}, query.from_offset}.run_file(found->id, parent->id,
                                                                std::string{path->names.back()});
}

} // namespace dfs::state
