#include "bulk/relay.hpp"

#include "bulk/bulk_handshake.hpp"
#include "bulk/frames.hpp"
#include "bulk/pulse.hpp"

#include <atoll/net/all_of.hpp>
#include <atoll/net/worker_pool.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

using atl::net::io_timeout;
using atl::net::on;
using boost::asio::awaitable;

namespace {

using clock = io_timeout::clock;

/// The fraction of the sender's timeout that this node grants the next node, so that its report of
/// a silent next node arrives before the sender's timeout.
std::chrono::milliseconds less_than(std::uint32_t progress_ms) {
  constexpr std::int64_t longest_ms = 60'000;
  return std::chrono::milliseconds{
      std::clamp<std::int64_t>(std::int64_t{progress_ms} * 7 / 8, 1, longest_ms)};
}

} // namespace

relay::relay(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
             atl::net::tcp_stream& upstream, wire::write_request request)
    : shared_{shared}, context_{std::move(context)}, upstream_{upstream}, request_{std::move(
                                                                              request)},
      from_upstream_{shared.options.timeouts.progress, clock::now() + request_time_max},
      to_downstream_{less_than(request_.progress_ms), from_upstream_.deadline} {
  for (const auto& target : request_.targets)
    results_.push_back({target.node, {}, {}});
}

relay::~relay() {
  for (auto& each : buffers_)
    if (each.data)
      shared_.batches.give_back(std::move(each),
                                std::min<std::uint64_t>(batch_size, request_.size));
}

awaitable<atl::result<std::vector<target_result>>> relay::run() {
  if (request_.targets.size() > 1)
    co_await begin_downstream();
  auto done = co_await transfer();
  if (!done) {
    co_await drop_writer();
    co_return tl::unexpected{done.error()};
  }
  co_await finish();
  co_return std::move(results_);
}

void relay::interrupt() {
  dial_.cancel();
  downstream_.close();
}

// -- beginning ----------------------------------------------------------------

awaitable<void> relay::begin_downstream() {
  auto connected = co_await connect_downstream();
  if (!connected) {
    fail_downstream(connected.error());
    co_return;
  }
  auto request = request_;
  request.progress_ms = static_cast<std::uint32_t>(to_downstream_.progress.count());
  request.targets.erase(request.targets.begin());
  request.await_go = false; // the data is under way already
  auto body = wire::encode(request);
  auto sent = co_await send_frame(downstream_, wire::op::write, body, to_downstream_);
  last_sent_ = clock::now();
  if (!sent)
    co_await lose_downstream(sent.error());
}

awaitable<atl::status> relay::connect_downstream() {
  if (!upstream_.is_open())
    co_return atl::fail(atl::errc::unavailable, "the sender has gone");
  const auto& node = request_.targets[1].at;
  for (auto kept = shared_.links.take(node); kept >= 0; kept = shared_.links.take(node)) {
    auto adopted = atl::net::tcp_stream::adopt(*context_, kept);
    if (adopted && adopted->is_quiet()) {
      downstream_ = std::move(*adopted);
      co_return atl::status{};
    }
  }
  // Short enough to leave most of the sender's timeout for the rest.
  auto timeout = std::min(shared_.options.timeouts.connect, to_downstream_.progress / 2);
  atl::net::dial_request request{node, on_bulk_plane(shared_.self()), shared_.options.secret,
                                 timeout};
  auto reached = co_await dial_.run(context_, std::move(request));
  if (!reached)
    co_return tl::unexpected{reached.error()};
  downstream_ = atl::net::tcp_stream{std::move(reached->socket)};
  co_return atl::status{};
}

// -- transferring -------------------------------------------------------------

/// An error means that the sender has gone.
awaitable<atl::status> relay::transfer() {
  auto coming = next_batch();
  if (coming.size > 0) {
    auto received = co_await receive(coming);
    if (!received)
      co_return received;
  }
  while (coming.size > 0) {
    auto arrived = coming;
    coming = next_batch();
    std::vector<awaitable<atl::status>> steps;
    steps.push_back(store(arrived));
    if (downstream_.is_open())
      steps.push_back(forward(arrived));
    if (coming.size > 0)
      steps.push_back(receive(coming));
    auto done = co_await atl::net::all_of(std::move(steps));
    if (!done.back()) // of receiving; the other steps keep their errors for the reply
      co_return done.back();
  }
  co_return atl::status{};
}

/// The buffer for the next batch, with its size; 0: there is none. The batch before it may still be
/// in use, the one before that is not.
relay::batch relay::next_batch() {
  auto size = std::min<std::uint64_t>(batch_size, request_.size - bytes_announced_);
  bytes_announced_ += size;
  auto& buffer = buffers_[batches_announced_++ % buffers_.size()];
  if (size > 0 && !buffer.data)
    buffer = shared_.batches.take(std::min<std::uint64_t>(batch_size, request_.size));
  return {&buffer, size};
}

awaitable<atl::status> relay::receive(batch into) {
  std::array<atl::net::tcp_stream::mutable_buffer, 2> pieces = {
      atl::net::tcp_stream::mutable_buffer{into.buffer->crcs.data(), into.crcs().size_bytes()},
      atl::net::tcp_stream::mutable_buffer{into.buffer->data.get(), into.size}};
  co_return co_await upstream_.read(pieces, from_upstream_);
}

awaitable<atl::status> relay::forward(batch what) {
  std::array<atl::net::tcp_stream::const_buffer, 2> pieces = {
      atl::net::tcp_stream::const_buffer{what.crcs().data(), what.crcs().size_bytes()},
      atl::net::tcp_stream::const_buffer{what.bytes().data(), what.size}};
  auto sent = co_await downstream_.write(pieces, to_downstream_);
  last_sent_ = clock::now();
  if (!sent)
    co_await lose_downstream(sent.error());
  co_return atl::status{};
}

awaitable<atl::status> relay::store(batch what) {
  auto work = [this, what] { append(what); };
  co_await on(shared_.disk_writers, work);
  co_return atl::status{};
}

/// In a thread that may wait for the disk.
void relay::begin_writing() {
  has_begun_ = true;
  auto begun =
      shared_.store.begin({request_.chunk, request_.targets.front().fragment}, request_.size);
  if (begun)
    writer_.emplace(std::move(*begun));
  else
    results_.front().outcome = tl::unexpected{begun.error()};
}

/// In a thread that may wait for the disk.
void relay::append(const batch& what) {
  if (!has_begun_)
    begin_writing();
  if (!writer_)
    return;
  if (auto done = writer_->append(what.bytes(), what.crcs()); !done) {
    results_.front().outcome = done;
    writer_.reset(); // frees its space at once
  }
}

// -- ending -------------------------------------------------------------------

awaitable<void> relay::finish() {
  pulse alive{*context_, upstream_, std::chrono::milliseconds{request_.progress_ms} / 4};
  std::vector<awaitable<atl::status>> steps;
  steps.push_back(commit());
  if (downstream_.is_open())
    steps.push_back(collect_results());
  (void)co_await atl::net::all_of(std::move(steps)); // both keep their errors for the reply
}

awaitable<atl::status> relay::commit() {
  auto work = [this] {
    if (!has_begun_) // a fragment without bytes
      begin_writing();
    if (!writer_)
      return;
    results_.front().outcome = writer_->commit(request_.how);
    results_.front().crc_on_disk = writer_->crc_on_disk();
    if (results_.front().outcome)
      shared_.written_bytes += request_.size;
    writer_.reset();
  };
  co_await on(shared_.disk_writers, work);
  co_return atl::status{};
}

awaitable<void> relay::drop_writer() {
  if (!writer_)
    co_return;
  auto work = [this] { writer_.reset(); };
  co_await on(shared_.disk_writers, work);
}

awaitable<atl::status> relay::collect_results() {
  auto got = co_await receive_results();
  if (got)
    shared_.links.give_back(request_.targets[1].at, downstream_.release());
  else
    fail_downstream(got.error());
  co_return atl::status{};
}

/// Waits for the results as the sender before this node does, from the last byte on.
awaitable<atl::status> relay::receive_results() {
  io_timeout first{to_downstream_.progress,
                   std::min(to_downstream_.deadline, last_sent_ + to_downstream_.progress)};
  auto answer = co_await receive_reply(downstream_, first, to_downstream_);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  if (!answer->outcome)
    co_return answer->outcome;
  auto downstream_results = wire::decode_write_reply(answer->payload);
  if (!downstream_results)
    co_return tl::unexpected{downstream_results.error()};
  if (!downstream_.is_open() || downstream_results->size() + 1 != results_.size())
    co_return atl::fail(atl::errc::unavailable,
                        request_.targets[1].node + " sent a malformed result");
  for (std::size_t i = 0; i < downstream_results->size(); ++i)
    results_[i + 1] = {std::move(results_[i + 1].node), std::move((*downstream_results)[i].outcome),
                       (*downstream_results)[i].crc_on_disk};
  co_return atl::status{};
}

/// Marks the next node as failed. The reason is the error that the next node sent before its
/// connection broke; without such an error the reason is `why`.
awaitable<void> relay::lose_downstream(atl::error why) {
  if (why.code == atl::errc::unavailable) {
    auto answer = co_await receive_reply(downstream_, to_downstream_, to_downstream_);
    if (answer && !answer->outcome)
      why = answer->outcome.error();
  }
  fail_downstream(why);
}

/// The next node and all nodes downstream of it fail this write.
void relay::fail_downstream(const atl::error& why) {
  downstream_.close();
  results_[1].outcome = tl::unexpected{why};
  // A busy node has not failed, nor have the nodes after it in the pipeline.
  bool busy = why.code == atl::errc::busy;
  for (std::size_t i = 2; i < results_.size(); ++i)
    results_[i].outcome = atl::fail(busy ? atl::errc::busy : atl::errc::unavailable,
                                    fmt::format("not reached, as the node before it, {}, {}",
                                                results_[i - 1].node, busy ? "is busy" : "failed"));
}

} // namespace dfs
