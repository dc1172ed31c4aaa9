#include "bulk/relay.hpp"

#include "bulk/bulk_handshake.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

/// The fraction of the sender's timeout that this node grants the next node, so that its report of
/// a silent next node arrives before the sender's timeout.
std::chrono::milliseconds less_than(std::uint32_t progress_ms) {
  constexpr std::int64_t longest_ms = 60'000;
  return std::chrono::milliseconds{
      std::clamp<std::int64_t>(std::int64_t{progress_ms} * 7 / 8, 1, longest_ms)};
}

} // namespace

relay::relay(bulk_shared& shared, io_loop& loop, tcp_socket& upstream, batch_buffers& buffers,
             wire::write_request request)
    : shared_{shared}, loop_{loop}, upstream_{upstream}, buffers_{buffers}, request_{std::move(
                                                                                request)},
      from_upstream_{shared.options.timeouts.progress, steady::now() + request_time_max},
      to_downstream_{less_than(request_.progress_ms), from_upstream_.deadline} {
  for (const auto& target : request_.targets)
    results_.push_back({target.node, {}});
}

atl::result<std::vector<target_result>> relay::run() {
  begin_local_write();
  begin_downstream();
  if (auto done = stream(); !done)
    return tl::unexpected{done.error()};
  {
    pulse::guard alive{shared_.signs, upstream_.native_handle(),
                       std::chrono::milliseconds{request_.progress_ms} / 4};
    commit();
    collect_results();
  }
  return std::move(results_);
}

// -- beginning ----------------------------------------------------------------

void relay::begin_local_write() {
  fragment_key key{request_.chunk, request_.targets.front().fragment};
  auto begun = shared_.store.begin(key, request_.size);
  if (begun)
    writer_.emplace(std::move(*begun));
  else
    results_.front().outcome = tl::unexpected{begun.error()};
}

void relay::begin_downstream() {
  if (request_.targets.size() < 2)
    return;
  if (auto done = connect_downstream(); !done)
    return fail_downstream(done.error());
  auto request = request_;
  request.progress_ms = static_cast<std::uint32_t>(to_downstream_.progress.count());
  request.targets.erase(request.targets.begin());
  request.await_go = false; // the data is under way already
  upload_.emplace(*downstream_, to_downstream_);
  if (auto done = upload_->begin(request); !done)
    fail_downstream(downstream_error(done.error()));
}

atl::status relay::connect_downstream() {
  const auto& node = request_.targets[1].at;
  downstream_.emplace(loop_);
  for (auto kept = shared_.links.take(node); kept >= 0; kept = shared_.links.take(node)) {
    if (downstream_->adopt(kept) && downstream_->is_quiet())
      return {};
    downstream_->close();
  }
  // Short enough to leave most of the sender's timeout for the rest.
  auto timeout = std::min(shared_.options.timeouts.connect, to_downstream_.progress / 2);
  return connect_to_node(*downstream_, node, shared_.self(), shared_.options.secret, timeout);
}

// -- streaming ----------------------------------------------------------------

atl::status relay::stream() {
  std::uint64_t announced = 0;
  auto next_batch = [&](batch_buffer& buffer) {
    batch next{&buffer, std::min<std::uint64_t>(batch_size, request_.size - announced)};
    announced += next.size;
    if (next.size > 0)
      start_receiving(next);
    return next;
  };
  auto coming = next_batch(buffers_[0]);
  for (std::size_t i = 1; coming.size > 0; ++i) {
    if (auto done = upstream_.finish_read(from_upstream_); !done)
      return done;
    auto arrived = coming;
    finish_forwarding(); // its buffer receives the next batch
    forward(arrived);
    coming = next_batch(buffers_[i % buffers_.size()]);
    store(arrived);
  }
  finish_forwarding();
  return {};
}

void relay::start_receiving(const batch& into) {
  std::array<tcp_socket::mutable_buffer, 2> pieces = {
      tcp_socket::mutable_buffer{into.buffer->crcs.data(), into.crcs().size_bytes()},
      tcp_socket::mutable_buffer{into.buffer->data.get(), into.size}};
  upstream_.start_read(pieces);
}

void relay::forward(const batch& what) {
  if (upload_)
    upload_->start_batch(what.bytes(), what.crcs());
}

void relay::finish_forwarding() {
  if (!upload_)
    return;
  if (auto done = upload_->finish_batch(); !done)
    fail_downstream(downstream_error(done.error()));
}

void relay::store(const batch& what) {
  if (!writer_)
    return;
  if (auto done = writer_->append(what.bytes(), what.crcs()); !done) {
    results_.front().outcome = done;
    writer_.reset(); // frees its space at once
  }
}

// -- ending -------------------------------------------------------------------

void relay::commit() {
  if (!writer_)
    return;
  results_.front().outcome = writer_->commit(request_.how);
  if (results_.front().outcome)
    shared_.written_bytes += request_.size;
  writer_.reset();
}

void relay::collect_results() {
  if (!upload_)
    return;
  auto got = receive_results();
  if (!got)
    return fail_downstream(got.error());
  shared_.links.give_back(request_.targets[1].at, downstream_->release());
}

atl::status relay::receive_results() {
  auto answer = receive_reply(*downstream_, upload_->wait_for_results(), to_downstream_);
  if (!answer)
    return tl::unexpected{answer.error()};
  if (!answer->outcome)
    return answer->outcome;
  auto downstream_results = wire::decode_write_reply(answer->payload);
  if (!downstream_results)
    return tl::unexpected{downstream_results.error()};
  if (downstream_results->size() + 1 != results_.size())
    return atl::fail(atl::errc::unavailable, downstream_->peer() + " sent a malformed result");
  for (std::size_t i = 0; i < downstream_results->size(); ++i)
    results_[i + 1].outcome = std::move((*downstream_results)[i].outcome);
  return {};
}

/// The error that the next node sent before its connection broke, if any.
atl::error relay::downstream_error(const atl::error& otherwise) {
  if (otherwise.code == atl::errc::unavailable)
    if (auto answer = receive_reply(*downstream_, to_downstream_, to_downstream_);
        answer && !answer->outcome)
      return answer->outcome.error();
  return otherwise;
}

/// The next node and all nodes downstream of it fail this write.
void relay::fail_downstream(const atl::error& why) {
  upload_.reset();
  downstream_.reset();
  results_[1].outcome = tl::unexpected{why};
  // A busy node has not failed, nor have the nodes after it in the pipeline.
  bool busy = why.code == atl::errc::busy;
  for (std::size_t i = 2; i < results_.size(); ++i)
    results_[i].outcome = atl::fail(busy ? atl::errc::busy : atl::errc::unavailable,
                                    fmt::format("not reached, as the node before it, {}, {}",
                                                results_[i - 1].node, busy ? "is busy" : "failed"));
}

} // namespace dfs
