#include "node/repair_run.hpp"

#include "bulk/fragment_storer.hpp"
#include "common/chunk_decoder.hpp"
#include "common/master_protocol.hpp"
#include "node/window_rebuild.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace dfs {

using atl::errc;
using atl::net::on;
using boost::asio::awaitable;
using protocol::task_kind;
using protocol::task_outcome;
using protocol::task_source;

namespace {

std::string name_of(const task_source& source) {
  return fmt::format("storage node {} at {}", source.node, atl::to_string(source.bulk));
}

} // namespace

repair_run::repair_run(std::shared_ptr<boost::asio::io_context> context, repair_tools tools,
                       bulk_options reading, protocol::repair_task task)
    : context_{std::move(context)}, tools_{tools}, reading_{std::move(reading)}, task_{std::move(
                                                                                     task)} {
  result_.id = task_.id;
}

void repair_run::interrupt() {
  is_interrupted_ = true;
  if (source_)
    source_->cancel();
  if (sources_)
    sources_->interrupt();
  pause_.cancel();
}

awaitable<protocol::task_result> repair_run::run() {
  switch (task_.kind) {
  case task_kind::copy:
    co_await copy();
    break;
  case task_kind::rebuild:
    co_await rebuild();
    break;
  case task_kind::verify:
    co_await verify();
    break;
  }
  co_return result_;
}

// -- how a task ends ----------------------------------------------------------

void repair_run::succeed() {
  result_.outcome = task_outcome::ok;
  if (auto stored = tools_.store.find(key()))
    result_.generation = stored->generation;
}

/// This node couldn't do its part.
void repair_run::fail_here(const atl::error& why) {
  result_.outcome = why.code == errc::no_space ? task_outcome::no_space : task_outcome::failed;
  result_.why = why.message;
}

void repair_run::fail_without_source() {
  result_.outcome = has_damaged_source_ ? task_outcome::corrupt : task_outcome::source_failed;
  if (result_.why.empty())
    result_.why = "the task names no node to read from";
}

/// Remembers the first source that failed, or rather the first one that is damaged.
void repair_run::note_failure(const task_source& source, const atl::error& why) {
  bool is_damaged = why.code == errc::corrupt;
  last_failure_ = why.code;
  if (result_.failed_source == no_storage || (is_damaged && !has_damaged_source_)) {
    result_.failed_source = source.node;
    result_.why = name_of(source) + ": " + why.message;
    has_damaged_source_ = is_damaged;
  }
}

/// A node is told of its damage, so that it looks for itself, moves the fragment aside and tells
/// the masters.
awaitable<void> repair_run::on_source_failed(const task_source& source, atl::error why) {
  note_failure(source, why);
  if (why.code == errc::corrupt && !is_interrupted_) {
    fragment_key damaged{task_.chunk, source.fragment};
    std::ignore = co_await source_->report_damage(damaged);
  }
}

// -- copy ---------------------------------------------------------------------

awaitable<void> repair_run::copy() {
  // A fragment that is here already must be in order to count as stored.
  auto check = [this] { return tools_.store.check(key()); };
  std::ignore = co_await on(tools_.disk, check);
  for (auto& source : task_.sources) {
    if (is_interrupted_)
      break;
    auto ended = co_await copy_patiently(source);
    if (ended) {
      co_await report_other_content();
      co_return;
    }
  }
  fail_without_source();
}

/// @returns true if no other source need be tried.
awaitable<bool> repair_run::copy_from(const task_source& source) {
  source_ = std::make_unique<async_bulk_connection>(context_, source.bulk, reading_);
  fragment_storer storer{tools_.store, tools_.disk, key(), task_.fragment_bytes};
  fragment_key wanted{task_.chunk, source.fragment};
  auto done = co_await source_->fetch_fragment(wanted, storer);
  auto is_other = done && task_.scheme && storer.content_crc() != task_.chunk_crc;
  if (done && !is_other)
    done = co_await storer.commit(task_.how);
  co_await storer.drop();
  if (is_other) {
    with_other_content_.push_back(&source);
    note_failure(source, {errc::corrupt, fmt::format("fragment {} has its own checksums, and other "
                                                     "content than its chunk",
                                                     to_string(wanted))});
    co_return false;
  }
  if (done) {
    succeed();
    co_return true;
  }
  auto why = done.error();
  if (storer.has_failed_here()) {
    fail_here(why);
    co_return true;
  }
  co_await on_source_failed(source, why);
  co_return false;
}

/// Their nodes move the copies aside, once another copy is known that is the chunk: where none is,
/// all are kept.
awaitable<void> repair_run::report_other_content() {
  if (result_.outcome != task_outcome::ok)
    co_return;
  for (const auto* source : with_other_content_) {
    if (is_interrupted_)
      co_return;
    source_ = std::make_unique<async_bulk_connection>(context_, source->bulk, reading_);
    fragment_key wrong{task_.chunk, source->fragment};
    std::optional<std::uint32_t> right{task_.chunk_crc};
    std::ignore = co_await source_->check_fragment(wrong, right);
  }
}

// -- rebuild ------------------------------------------------------------------

/// Is the order in keeping with the scheme? A master's error must not make a fragment that no
/// reader accepts. The scheme's plugin may throw.
atl::status repair_run::check_fits(const scheme& by) const {
  if (task_.chunk_bytes == 0 || task_.chunk_bytes > protocol::chunk_bytes_max)
    return atl::fail(errc::invalid, fmt::format("a chunk of {} bytes", task_.chunk_bytes));
  if (task_.fragment >= by.policy.fragments)
    return atl::fail(errc::invalid, fmt::format("fragment {} of a chunk that has {}",
                                                task_.fragment, by.policy.fragments));
  auto bytes = by.recovery->fragment_size(task_.chunk_bytes, task_.fragment);
  if (bytes != task_.fragment_bytes)
    return atl::fail(errc::invalid,
                     fmt::format("fragment {} of a chunk of {} bytes has {} bytes, and not {}",
                                 task_.fragment, task_.chunk_bytes, bytes, task_.fragment_bytes));
  return {};
}

awaitable<void> repair_run::rebuild() {
  std::shared_ptr<const scheme> by;
  auto find_scheme = [this, &by]() -> atl::status {
    auto found = tools_.find_scheme(task_.policy, *task_.scheme);
    if (!found)
      return tl::unexpected{found.error()};
    by = *found;
    return check_fits(*by);
  };
  auto ready = co_await on(tools_.disk, find_scheme);
  if (!ready) {
    fail_here(ready.error());
    co_return;
  }
  auto is_over = false;
  if (window_rebuild::is_possible(*by->recovery) ||
      window_rebuild::is_cheaper(*by->recovery, task_))
    is_over = co_await rebuild_in_windows(*by);
  if (!is_over)
    co_await rebuild_whole(*by);
}

/// @returns false if the sources decode to another chunk, so that it must be found out which of
/// them are right
awaitable<bool> repair_run::rebuild_in_windows(const scheme& by) {
  using outcome = window_rebuild::outcome;
  sources_ = std::make_unique<rebuild_sources>(context_, reading_, task_, by.policy.fragments,
                                               tools_.counters);
  if (is_interrupted_)
    sources_->interrupt();
  window_rebuild made{task_, by, *sources_, tools_.store, tools_.disk, tools_.counters};
  auto ended = co_await made.run();
  for (auto& failed : sources_->failures())
    note_failure(*failed.source, failed.why);
  if (ended == outcome::stored)
    succeed();
  else if (ended == outcome::failed_here)
    fail_here(made.problem());
  else if (ended == outcome::no_source)
    fail_without_source();
  co_return ended != outcome::wrong_content;
}

/// Reads one fragment after the other until some of them decode to the chunk.
awaitable<void> repair_run::rebuild_whole(const scheme& by) {
  chunk_record record{task_.chunk, task_.chunk_bytes, {}, task_.chunk_crc, task_.policy};
  record.nodes.assign(by.policy.fragments, no_storage);
  std::string chunk(task_.chunk_bytes, '\0');
  chunk_decoder decoder{*by.recovery, record, chunk};
  for (auto& source : task_.sources) {
    if (is_interrupted_)
      break;
    if (source.fragment >= by.policy.fragments)
      continue;
    source_ = std::make_unique<async_bulk_connection>(context_, source.bulk, reading_);
    auto into = std::as_writable_bytes(decoder.buffer_for(source.fragment));
    fragment_key wanted{task_.chunk, source.fragment};
    auto bytes = co_await source_->read_whole_fragment(wanted, into);
    if (bytes && *bytes != into.size())
      bytes = atl::fail(errc::corrupt, fmt::format("fragment {} has {} bytes, and not {}",
                                                   to_string(wanted), *bytes, into.size()));
    if (!bytes) {
      auto why = bytes.error();
      co_await on_source_failed(source, why);
      continue;
    }
    tools_.counters.read_bytes += into.size();
    auto decode = [&decoder, &source] { return decoder.add(source.fragment); };
    auto is_whole = co_await on(tools_.disk, decode);
    if (!is_whole)
      continue;
    auto store = [this, &chunk, &by] { return store_made(chunk, by); };
    auto stored = co_await on(tools_.disk, store);
    if (stored)
      succeed();
    else
      fail_here(stored.error());
    co_return;
  }
  if (decoder.wrong_combinations() > 0 && result_.why.empty())
    result_.why = "what the fragments decode to doesn't have the checksum of the chunk";
  has_damaged_source_ = has_damaged_source_ || decoder.wrong_combinations() > 0;
  fail_without_source();
}

/// Encodes the chunk again, and stores the one fragment. In a thread of the pool.
atl::status repair_run::store_made(std::string_view chunk, const scheme& by) {
  std::string scratch;
  auto fragments = by.recovery->encode(chunk, scratch);
  if (task_.fragment >= fragments.size() ||
      fragments[task_.fragment].size() != task_.fragment_bytes)
    return atl::fail(errc::internal,
                     fmt::format("the recovery plugin '{}' made another fragment {} than it "
                                 "said",
                                 by.policy.recovery, task_.fragment));
  auto bytes = std::as_bytes(std::span{fragments[task_.fragment]});
  auto crcs = block_crcs(bytes);
  auto writer = tools_.store.begin(key(), bytes.size());
  if (!writer)
    return tl::unexpected{writer.error()};
  if (!bytes.empty())
    if (auto written = writer->append(bytes, crcs); !written)
      return written;
  auto committed = writer->commit(task_.how);
  if (committed)
    tools_.counters.rebuilt_bytes += bytes.size();
  return committed;
}

// -- verify -------------------------------------------------------------------

awaitable<void> repair_run::verify() {
  auto check = [this] { return tools_.store.check(key(), {.from_disk = true}); };
  auto intact = co_await on(tools_.disk, check);
  if (intact && *intact) {
    // Whoever asked may rely on the fragment: removals that were ordered before are void.
    tools_.store.renew(key());
    succeed();
  } else if (intact) {
    result_.outcome = task_outcome::corrupt;
    result_.why = fmt::format("fragment {} was damaged and is moved aside", to_string(key()));
  } else {
    fail_here(intact.error());
    if (intact.error().code == errc::not_found)
      result_.outcome = task_outcome::not_found;
  }
}

} // namespace dfs
