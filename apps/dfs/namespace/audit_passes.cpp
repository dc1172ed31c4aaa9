#include "namespace/audit.hpp"
#include "namespace/keys.hpp"
#include "namespace/name_space_logic.hpp"

#include <atoll/core/state/saved_state.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

// The rows are read once to find the parts, and then once for each part.
namespace dfs {

namespace {

using state::audit_part;

/// Rows between two calls of `audit_options::progress`.
constexpr std::uint64_t rows_between_calls = 4096;

/// Where parts begin, after the first one, and how many rows there are.
struct part_borders {
  std::vector<inode_id> inodes;
  std::vector<chunk_id> chunks;
  std::uint64_t rows = 0;
};

class passes {
 public:
  passes(const row_source& rows, const audit_options& how) : rows_{rows}, how_{how} {}

  atl::result<audit_report> run() {
    auto borders = find_borders();
    if (!borders)
      return tl::unexpected{borders.error()};
    auto parts = std::max(borders->inodes.size(), borders->chunks.size()) + 1;
    total_ = borders->rows * (parts + 1);
    audit_report all;
    for (std::size_t i = 0; i < parts; ++i) {
      auto found = run_pass(part_at(*borders, i));
      if (!found)
        return found;
      add(all, std::move(*found), i == 0);
    }
    return all;
  }

 private:
  /// Visits all rows. @returns errc::unavailable if the audit is to stop.
  atl::status visit(const std::function<void(std::string_view, std::string_view)>& take) {
    auto is_stopped = false;
    auto visited = rows_([&](std::string_view key, std::string_view value) {
      take(key, value);
      if (++done_ % rows_between_calls == 0 && how_.progress)
        is_stopped = !how_.progress(done_, total_);
      return !is_stopped;
    });
    if (visited && is_stopped)
      return atl::fail(atl::errc::unavailable, "the audit was stopped");
    return visited;
  }

  atl::result<part_borders> find_borders() {
    part_borders borders;
    std::size_t inodes = 0;
    std::size_t chunks = 0;
    auto visited = visit([&](std::string_view key, std::string_view) {
      ++borders.rows;
      if (key.starts_with('i')) {
        if (auto id = state::keys::inode_in(key); id && inodes++ == how_.inodes_at_once_max) {
          borders.inodes.push_back(*id);
          inodes = 1;
        }
      } else if (key.starts_with('c')) {
        if (auto id = state::keys::chunk_in(key); id && chunks++ == how_.chunks_at_once_max) {
          borders.chunks.push_back(*id);
          chunks = 1;
        }
      }
    });
    if (!visited)
      return tl::unexpected{visited.error()};
    return borders;
  }

  /// The part of a number; without inodes, or without chunks, when there are more parts of the
  /// other kind.
  static audit_part part_at(const part_borders& borders, std::size_t number) {
    audit_part part;
    part.is_first = number == 0;
    std::tie(part.inodes_from, part.inodes_end) = range_at(borders.inodes, number);
    std::tie(part.chunks_from, part.chunks_end) = range_at(borders.chunks, number);
    return part;
  }

  template <class Id>
  static std::pair<Id, std::optional<Id>> range_at(const std::vector<Id>& borders,
                                                   std::size_t number) {
    if (number > borders.size())
      return {Id{}, Id{}};
    return {number == 0 ? Id{} : borders[number - 1],
            number == borders.size() ? std::nullopt : std::optional{borders[number]}};
  }

  atl::result<audit_report> run_pass(const audit_part& part) {
    state::auditor auditor{part};
    auto visited =
        visit([&](std::string_view key, std::string_view value) { auditor.take(key, value); });
    if (!visited)
      return tl::unexpected{visited.error()};
    return auditor.finish();
  }

  static void add(audit_report& all, audit_report found, bool is_first) {
    if (is_first) {
      all = std::move(found);
      return;
    }
    all.total += found.total;
    auto room = audit_report::findings_max - all.findings.size();
    found.findings.resize(std::min(found.findings.size(), room));
    std::ranges::move(found.findings, std::back_inserter(all.findings));
  }

  const row_source& rows_;
  const audit_options& how_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0; ///< 0: not counted yet
};

} // namespace

atl::result<audit_report> audit_rows(const row_source& rows, const audit_options& how) {
  return passes{rows, how}.run();
}

atl::result<audit_report> audit(const name_space& names, const audit_options& how) {
  return audit_rows([&](const atl::row_visitor& visit) { return names.visit_rows(visit); }, how);
}

atl::result<audit_report> audit_copy(const std::filesystem::path& folder,
                                     const audit_options& how) {
  auto copy = atl::saved_state::open(folder, state::name_space_logic{}.info());
  if (!copy)
    return tl::unexpected{copy.error()};
  return audit_rows([&](const atl::row_visitor& visit) { return copy->visit_rows(visit); }, how);
}

} // namespace dfs
