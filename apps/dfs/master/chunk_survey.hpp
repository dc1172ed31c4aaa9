#pragma once

#include "master/registry.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dfs {

/// The result of a pass over all chunks.
struct survey_counts {
  std::uint64_t chunks = 0;
  std::uint64_t short_of_copies = 0; ///< chunks with fewer readable fragments than the scheme makes
  std::uint64_t unreadable = 0;      ///< among them, chunks with too few fragments to be read
};

/// Counts the chunks that are short of copies, a page of the name space at a time. Pure: its host
/// carries out the queries that `next` returns, one after the other, and passes each response back.
/// Not thread-safe.
///
/// A pass over a state that has not changed since the last pass is skipped, so that an idle cluster
/// is not read repeatedly.
class chunk_survey {
 public:
  using query = std::variant<queries::all_chunks, queries::known>;
  /// Can a chunk of the policy be decoded from the fragments that are marked present?
  using readable_check = std::function<bool(policy_id, const std::vector<bool>&)>;

  /// @param delay how long storage nodes have to report before the first pass begins
  chunk_survey(readable_check is_readable, std::chrono::milliseconds delay)
      : is_readable_{std::move(is_readable)}, delay_{delay} {}

  /// Discards all counts, because another master has led since.
  void restart();
  /// The host must drop responses to queries of an earlier generation.
  std::uint64_t generation() const { return generation_; }

  /// The next query, if one is due. To be called on every tick.
  /// @param applied the last entry that the state contains
  std::optional<query> next(const storage_registry& registry, std::uint64_t applied,
                            steady_time now);
  // The response to the last query that `next` returned.
  void on_page(const responses::chunk_page& page, const storage_registry& registry,
               steady_time now);
  void on_known(const responses::known_chunks& answer, steady_time now);
  void on_failure() { is_answer_due_ = false; }

  /// The counts of the last pass; none until the first pass has ended.
  const std::optional<survey_counts>& counts() const { return counts_; }
  /// The time of the state that was counted.
  steady_time counted_at() const { return counted_at_; }
  /// Have storage nodes come or gone since the counted pass began? Then another pass is due.
  bool is_outdated() const { return is_outdated_; }
  /// Why counting has stopped; empty: it has not.
  const std::string& problem() const { return problem_; }

 private:
  /// The inputs that the counts depend on.
  struct basis {
    std::uint64_t applied = 0;
    std::uint64_t reported_changes = 0;
    std::vector<storage_id> reporting;

    friend bool operator==(const basis&, const basis&) = default;
  };
  /// The nodes that report, by id.
  using reporting_nodes = std::map<storage_id, const storage_registry::node*>;
  struct finding {
    bool is_short = false;
    bool is_unreadable = false;
    bool is_suspect = false; ///< a node that reports lacks a fragment of the chunk
  };
  struct suspect {
    chunk_record record;
    bool is_unreadable = false;
  };

  bool begin_pass(basis now_basis, steady_time now);
  /// The ids of the suspects that are still short of copies after further reports.
  std::optional<query> recheck(const reporting_nodes& reporting);
  bool have_reported(const reporting_nodes& reporting) const;
  finding examine(const chunk_record& chunk, const reporting_nodes& reporting);
  bool can_be_read(policy_id policy, const std::vector<bool>& present);
  void count_short(bool is_unreadable);
  void finish_page(steady_time now);
  static reporting_nodes find_reporting(const storage_registry& registry, steady_time now);

  readable_check is_readable_;
  std::chrono::milliseconds delay_;
  std::uint64_t generation_ = 0;
  std::optional<steady_time> not_before_; ///< of the first pass

  bool is_passing_ = false;
  bool is_answer_due_ = false;
  basis pass_basis_; ///< at the beginning of the present or last pass
  survey_counts so_far_;
  chunk_id after_;
  bool has_more_ = true;
  std::vector<suspect> suspects_; ///< of the present page
  std::map<storage_id, std::uint64_t> reports_at_page_;

  std::optional<survey_counts> counts_;
  steady_time counted_at_{};
  bool is_outdated_ = false;
  std::string problem_;
};

} // namespace dfs
