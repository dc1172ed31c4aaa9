#pragma once

#include "namespace/question.hpp"
#include "namespace/view.hpp"

#include <string>
#include <string_view>

/// What is answered to each question.
namespace dfs::state {

/// Bytes that are no question are answered with an error.
/// @returns an error when the state can't be read, which is no answer.
atl::result<std::string> answer_question(present_view& state, std::string_view bytes);

atl::result<answers::entry> ask(present_view& state, const questions::stat& question);
atl::result<answers::listing> ask(present_view& state, const questions::list& question);
atl::result<answers::opened> ask(present_view& state, const questions::open& question);
atl::result<answers::summary> ask(present_view& state, const questions::summary& question);
atl::result<answers::chunk_page> ask(present_view& state, const questions::chunks_on& question);
atl::result<answers::known_chunks> ask(present_view& state, const questions::known& question);
atl::result<answers::chunk_page> ask(present_view& state, const questions::all_chunks& question);
atl::result<answers::members> ask(present_view& state, const questions::members& question);

/// What still fits into an answer.
class page {
 public:
  /// @param limit of items; 0: as many as fit. @param used by what comes before the items.
  explicit page(std::uint32_t limit, std::size_t used = 0);

  /// Is there room for one more? Then it is counted. The first always fits.
  bool take(std::size_t item_bytes);

 private:
  std::size_t bytes_left_;
  std::uint32_t items_left_;
  bool first_ = true;
};

} // namespace dfs::state
