// A job on one file: its pieces are sent ahead, and their results are joined in order.
#include "client/file_pieces.hpp"
#include "client/job_dispatch.hpp"
#include "client/piece_read.hpp"
#include "client/storage_pool.hpp"
#include "job/piece_result.hpp"
#include "job/piece_worker.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string_view>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

std::uint64_t draw_job_id() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

} // namespace

class job_on_file {
 public:
  job_on_file(job_runner::implementation& with, const std::string& path, const job::job_spec& spec,
              job::result_joiner joiner, const progress_report& progress)
      : with_{with}, path_{path}, spec_{spec}, joiner_{std::move(joiner)}, progress_{progress} {}

  atl::result<job_outcome> run() {
    auto where = place_of(path_);
    if (!where)
      return tl::unexpected{where.error()};
    auto page = with_.masters.query(queries::open{*where, 0});
    if (!page)
      return tl::unexpected{page.error()};
    size_ = page->attributes.size_bytes;
    content_ = {path_, page->inode, page->attributes.data_version};
    auto done = run_pieces(*page);
    if (!done)
      return tl::unexpected{done.error()};
    auto result = joiner_.finish();
    if (!result)
      return tl::unexpected{result.error()};
    outcome_.result = *result;
    return outcome_;
  }

 private:
  atl::status run_pieces(responses::opened& page) {
    auto done = send_all(page);
    if (!pieces_.empty())
      with_.end_pieces(id_);
    if (done && offset_ != size_)
      return fail(errc::corrupt, fmt::format("{} has {} bytes, but its chunks have {}",
                                             in_quotes(path_), size_, offset_));
    return done;
  }

  atl::status send_all(responses::opened& page) {
    auto sent =
        for_each_piece(with_.masters, path_, page, [this](const piece& part) -> atl::status {
          while (pieces_.size() >= with_.pieces_max())
            if (auto joined = join_next(); !joined)
              return joined;
          auto piece = std::make_shared<piece_under_way>();
          piece->part = part;
          pieces_.push_back(piece);
          send(piece);
          return {};
        });
    while (sent && !pieces_.empty())
      sent = join_next();
    return sent;
  }

  void send(const std::shared_ptr<piece_under_way>& piece) {
    auto* stored = std::get_if<chunk_part>(&piece->part.content);
    if (stored && has_whole_chunks(stored->chunk))
      with_.send(id_, spec_, piece);
    else
      piece->answer = fail(errc::refused, "the piece is no part of a chunk that nodes have whole");
  }

  /// Is each fragment of a chunk the chunk itself?
  bool has_whole_chunks(const chunk_record& chunk) const {
    auto by = with_.storages.policies().find(chunk.policy);
    if (!by)
      return false; // reading it tells why
    auto layout = (*by)->recovery->layout();
    return layout.identical && layout.needed == 1;
  }

  /// Joins what was said of the oldest piece, and asks for the rest if that was not all of it.
  atl::status join_next() {
    auto piece = pieces_.front();
    auto joined = join(*piece);
    if (!joined)
      return fail(joined.error(), fmt::format("{}, bytes {} to {}", path_, offset_,
                                              offset_ + piece->part.length_bytes - piece->done));
    if (piece->done < piece->part.length_bytes)
      send(piece);
    else
      pieces_.pop_front();
    return {};
  }

  atl::status join(piece_under_way& piece) {
    auto answer = with_.await(piece);
    if (is_cancelled())
      return tl::unexpected{answer.error()};
    auto left = piece.part.length_bytes - piece.done;
    auto result = answer.and_then(job::decode_piece_result);
    if (!result || result->bytes == 0 || result->bytes > left)
      return join_here(piece);
    ++outcome_.pieces_at_nodes;
    return take(piece, *result);
  }

  /// Reads the piece as any reader does, which also tells what is wrong with it.
  atl::status join_here(piece_under_way& piece) {
    auto read = read_piece(piece);
    if (!read)
      return tl::unexpected{read.error()};
    ++outcome_.pieces_here;
    std::string_view text = *read;
    while (!text.empty()) {
      if (is_cancelled())
        return fail(errc::refused, "the job was cancelled");
      auto result = job::work_on(spec_, text);
      if (!result)
        return tl::unexpected{result.error()};
      text.remove_prefix(result->bytes);
      if (auto taken = take(piece, *result); !taken)
        return taken;
    }
    return {};
  }

  /// The bytes of a piece that are not joined yet; of a long hole a part.
  atl::result<std::string> read_piece(const piece_under_way& piece) {
    constexpr std::uint64_t zeros_max = 1 << 20;
    const auto& part = piece.part;
    if (auto* bytes = std::get_if<std::string>(&part.content))
      return bytes->substr(piece.done);
    auto* stored = std::get_if<chunk_part>(&part.content);
    if (!stored)
      return std::string(std::min(part.length_bytes - piece.done, zeros_max), '\0');
    std::string bytes(part.length_bytes - piece.done, '\0');
    dfs::piece rest{part.offset_bytes + piece.done, bytes.size(),
                    chunk_part{stored->chunk, stored->offset_bytes + piece.done}};
    auto read = dfs::read_piece(with_.masters, with_.storages, content_, rest, bytes);
    if (!read)
      return tl::unexpected{read.error()};
    return bytes;
  }

  atl::status take(piece_under_way& piece, const job::piece_result& result) {
    if (auto joined = joiner_.add(result); !joined)
      return joined;
    piece.done += result.bytes;
    offset_ += result.bytes;
    if (progress_)
      progress_(offset_, size_);
    return {};
  }

  bool is_cancelled() const {
    std::lock_guard lock{with_.mutex};
    return with_.cancelled;
  }

  job_runner::implementation& with_;
  const std::string& path_;
  const job::job_spec& spec_;
  job::result_joiner joiner_;
  const progress_report& progress_;
  const std::uint64_t id_ = draw_job_id();
  file_content content_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0; ///< bytes of the file whose result was joined
  std::deque<std::shared_ptr<piece_under_way>> pieces_;
  job_outcome outcome_;
};

atl::result<job_outcome> job_runner::run(const std::string& path, const job::job_spec& spec,
                                         job::line_sink lines, const progress_report& progress) {
  auto joiner = job::result_joiner::make(spec, std::move(lines));
  if (!joiner)
    return tl::unexpected{joiner.error()};
  return job_on_file{*impl_, path, spec, std::move(*joiner), progress}.run();
}

} // namespace dfs
