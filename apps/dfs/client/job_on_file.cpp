// A job on one file: its pieces are sent ahead, and their results are joined in order.
#include "client/file_extents.hpp"
#include "client/job_dispatch.hpp"
#include "client/storage_pool.hpp"
#include "job/piece_result.hpp"
#include "job/piece_worker.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

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
    auto page = with_.masters.query(queries::open{path_, 0});
    if (!page)
      return tl::unexpected{page.error()};
    size_ = page->size_bytes;
    auto done = page->extents_total == 0 ? join_bytes(page->inline_bytes) : run_pieces(*page);
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
    auto sent = for_each_extent(with_.masters, path_, page,
                                [this](const placed_extent& extent) -> atl::status {
                                  while (pieces_.size() >= with_.pieces_max())
                                    if (auto joined = join_next(); !joined)
                                      return joined;
                                  auto piece = std::make_shared<piece_under_way>();
                                  piece->extent = extent;
                                  pieces_.push_back(piece);
                                  send(piece);
                                  return {};
                                });
    while (sent && !pieces_.empty())
      sent = join_next();
    return sent;
  }

  bool has_whole_chunks(const chunk_record& chunk) {
    auto plugins = with_.storages.plugins();
    return plugins && (*plugins)->has_whole_chunks(chunk);
  }

  void send(const std::shared_ptr<piece_under_way>& piece) {
    if (has_whole_chunks(piece->extent.chunk))
      with_.send(id_, spec_, piece);
    else
      piece->answer = fail(errc::refused, "the chunk must be put together from its fragments");
  }

  /// Joins what was said of the oldest piece, and asks for the rest if that was not all of it.
  atl::status join_next() {
    auto piece = pieces_.front();
    auto joined = join(*piece);
    if (!joined)
      return fail(joined.error(), fmt::format("{}, bytes {} to {}", path_, offset_,
                                              offset_ + piece->extent.length_bytes - piece->done));
    if (piece->done < piece->extent.length_bytes)
      send(piece);
    else
      pieces_.pop_front();
    return {};
  }

  atl::status join(piece_under_way& piece) {
    auto answer = with_.await(piece);
    if (is_cancelled())
      return tl::unexpected{answer.error()};
    auto left = piece.extent.length_bytes - piece.done;
    auto result = answer.and_then(job::decode_piece_result);
    if (!result || result->bytes == 0 || result->bytes > left)
      return join_here(piece);
    ++outcome_.pieces_at_nodes;
    return take(piece, *result);
  }

  /// Reads the piece as any reader does, which also tells what is wrong with it.
  atl::status join_here(piece_under_way& piece) {
    std::string bytes(piece.extent.chunk.size_bytes, '\0');
    if (auto read = with_.storages.fetch_range(piece.extent.chunk, 0, bytes); !read)
      return read;
    ++outcome_.pieces_here;
    auto text = std::string_view{bytes}.substr(0, piece.extent.length_bytes);
    while (piece.done < text.size()) {
      if (is_cancelled())
        return fail(errc::refused, "the job was cancelled");
      auto result = job::work_on(spec_, text.substr(piece.done));
      if (!result)
        return tl::unexpected{result.error()};
      if (auto taken = take(piece, *result); !taken)
        return taken;
    }
    return {};
  }

  atl::status join_bytes(std::string_view bytes) {
    piece_under_way whole;
    whole.extent.length_bytes = bytes.size();
    while (whole.done < bytes.size()) {
      auto result = job::work_on(spec_, bytes.substr(whole.done));
      if (!result)
        return fail(result.error(), path_);
      if (auto taken = take(whole, *result); !taken)
        return taken;
    }
    return {};
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
