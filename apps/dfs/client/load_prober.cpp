#include "client/load_prober.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <future>
#include <utility>

namespace dfs {

namespace {

constexpr std::size_t under_way_max = 16;

/// A node that takes longer than this to say how busy it is needn't be known better.
constexpr std::chrono::milliseconds probe_timeout{200};

} // namespace

load_prober::load_prober(result_handler on_result) : on_result_{std::move(on_result)} {}

load_prober::~load_prober() {
  std::promise<void> told;
  boost::asio::post(io_.context(), [this, &told] {
    is_stopping_ = true;
    for (auto& [node, at] : targets_)
      if (at.is_under_way)
        at.connection->cancel();
    told.set_value();
  });
  told.get_future().wait(); // no probe begins afterwards
  probing_.wait();
  io_.stop();
  targets_.clear(); // the connections go before their context
}

void load_prober::request(storage_id node, const atl::endpoint& at, const bulk_options& options) {
  boost::asio::post(io_.context(), [this, node, at, options] { begin(node, at, options); });
}

void load_prober::begin(storage_id node, const atl::endpoint& at, const bulk_options& options) {
  auto& target = targets_[node];
  if (is_stopping_ || target.is_under_way || under_way_ >= under_way_max)
    return;
  if (!target.connection || target.connection->node() != at) {
    auto quick = options;
    quick.timeouts = {probe_timeout, probe_timeout};
    target.connection = std::make_unique<async_bulk_connection>(io_.shared_context(), at, quick);
  }
  target.is_under_way = true;
  ++under_way_;
  probing_.start(io_.context(), probe(node, target));
}

boost::asio::awaitable<void> load_prober::probe(storage_id node, target& at) {
  auto load = co_await at.connection->probe();
  at.is_under_way = false;
  --under_way_;
  if (load && !is_stopping_)
    on_result_(node, *load);
}

} // namespace dfs
