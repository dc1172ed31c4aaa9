#include "node/conversion_worker.hpp"

#include "client/control.hpp"
#include "client/storage_pool.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs {

using atl::errc;
using atl::fail;
using protocol::conversion_order;
using protocol::conversion_outcome;
using protocol::conversion_result;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds pause_after_failure{1000};
/// Uploads that stay protected after their results were told, for the master to refer to them.
constexpr std::size_t kept_uploads = 4;

} // namespace

cluster_settings impatient(cluster_settings cluster) {
  constexpr std::chrono::microseconds most{2'000'000};
  cluster.client_timeout = std::min(cluster.client_timeout, 2 * most);
  cluster.client_refusal_timeout = std::min(cluster.client_refusal_timeout, most);
  cluster.busy_timeout = std::min(cluster.busy_timeout, most);
  return cluster;
}

/// Thread-safe only as far as `control` and `storage_pool` are.
class conversion_worker::converter {
 public:
  explicit converter(const cluster_settings& cluster) : masters_{cluster} {}

  /// Asks a master for the cluster's settings, and loads its plugins.
  atl::status open(const cluster_settings& cluster) {
    auto opened = storage_pool::open(cluster, masters_);
    if (!opened)
      return tl::unexpected{opened.error()};
    storages_ = std::move(*opened);
    auto info = masters_.cluster_info();
    if (!info)
      return tl::unexpected{info.error()};
    grace_ = std::chrono::microseconds{info->grace_us};
    return {};
  }

  atl::result<protocol::conversion_response> ask(const protocol::conversion_request& request) {
    auto answer = masters_.call(protocol::kind::convert, protocol::encode(request));
    if (!answer)
      return tl::unexpected{answer.error()};
    return protocol::decode_conversion_response(*answer);
  }

  conversion_result carry_out(const conversion_order& order) {
    conversion_result result;
    result.id = order.id;
    result.term = order.term;
    auto stored = convert(order);
    if (stored) {
      result.outcome = conversion_outcome::stored;
      result.stored = std::move(*stored);
    } else {
      result.outcome = stored.error().code == errc::not_found ? conversion_outcome::gone
                                                              : conversion_outcome::failed;
      result.why = stored.error().message;
    }
    return result;
  }

 private:
  /// Tells the masters when it ends: otherwise it would hold the collection of garbage up until it
  /// counts as silent.
  class upload {
   public:
    upload(upload_leases& leases, std::chrono::microseconds grace)
        : leases_{leases}, lease_{leases, grace} {}
    ~upload() {
      try {
        leases_.finish(lease_.id());
      } catch (const std::exception&) { // out of memory: it will count as silent
      }
    }
    upload(const upload&) = delete;
    upload& operator=(const upload&) = delete;
    upload_lease& lease() { return lease_; }

   private:
    upload_leases& leases_;
    upload_lease lease_;
  };

  atl::result<std::vector<chunk_record>> convert(const conversion_order& order) {
    auto& chunk = order.chunk;
    if (chunk.size_bytes == 0 || chunk.size_bytes > protocol::chunk_bytes_max)
      return fail(errc::invalid, fmt::format("a chunk of {} bytes", chunk.size_bytes));
    auto by = storages_->policies().find(order.policy);
    if (!by)
      return tl::unexpected{by.error()};
    std::string bytes(chunk.size_bytes, '\0');
    if (auto read = storages_->fetch_range(chunk, 0, bytes); !read)
      return tl::unexpected{read.error()};
    // The reader has checked it already, unless it checks ranges alone.
    if (atl::crc32c(bytes) != chunk.crc)
      return fail(errc::corrupt,
                  fmt::format("chunk {} hasn't the checksum of its record", to_string(chunk.id)));
    return store(bytes, **by);
  }

  atl::result<std::vector<chunk_record>> store(std::string_view bytes, const scheme& by) {
    kept_.push_back(std::make_unique<upload>(storages_->leases(), grace_));
    if (kept_.size() > kept_uploads)
      kept_.pop_front();
    auto places = storages_->begin_upload(kept_.back()->lease(), by.id);
    auto part_bytes = std::max<std::uint64_t>(by.policy.chunk_bytes, 1);
    auto parts = (bytes.size() + part_bytes - 1) / part_bytes;
    if (parts > protocol::converted_parts_max)
      return fail(errc::refused,
                  fmt::format("a chunk of {} bytes would become {} of {} bytes, and "
                              "at most {} are possible",
                              bytes.size(), parts, part_bytes, protocol::converted_parts_max));
    places->expect(parts);
    std::vector<chunk_record> stored;
    for (std::size_t at = 0; at < bytes.size(); at += part_bytes) {
      auto record = storages_->store(*places, by, chunk_source{bytes.substr(at, part_bytes)});
      if (!record)
        return tl::unexpected{record.error()};
      stored.push_back(std::move(*record));
    }
    return stored;
  }

  control masters_;
  std::unique_ptr<storage_pool> storages_;
  std::chrono::microseconds grace_{0};
  std::deque<std::unique_ptr<upload>> kept_;
};

conversion_worker::conversion_worker(settings given)
    : settings_{std::move(given)}, thread_{[this] { run(); }} {}

conversion_worker::~conversion_worker() {
  {
    std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void conversion_worker::wake() {
  {
    std::lock_guard lock{mutex_};
    if (is_woken_)
      return;
    is_woken_ = true;
  }
  changed_.notify_all();
}

void conversion_worker::run() {
  while (wait_until_woken()) {
    try {
      work();
    } catch (const std::exception& problem) { // for example out of memory
      atl::log::warning("storage", "", "chunks to store by another policy: {}", problem.what());
      pause(pause_after_failure);
    }
  }
}

/// @returns false if the worker is to stop
bool conversion_worker::wait_until_woken() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return is_woken_ || is_stopping_; });
  is_woken_ = false;
  return !is_stopping_;
}

bool conversion_worker::is_stopping() {
  std::lock_guard lock{mutex_};
  return is_stopping_;
}

/// @returns false if the worker is to stop
bool conversion_worker::pause(milliseconds length) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, length, [this] { return is_stopping_; });
}

void conversion_worker::work() {
  converter client{settings_.cluster};
  if (auto opened = client.open(settings_.cluster); !opened) {
    pause(pause_after_failure); // the masters tell again that there is work
    return;
  }
  protocol::conversion_request request{settings_.node, {}, 1};
  while (!is_stopping()) {
    auto answer = client.ask(request);
    if (!answer) {
      if (!pause(pause_after_failure))
        return;
      if (answer.error().code != errc::unavailable && answer.error().code != errc::timeout)
        return;
      continue;
    }
    request.done.clear();
    if (answer->is_over && answer->orders.empty())
      return;
    for (auto& order : answer->orders)
      if (!is_stopping())
        request.done.push_back(client.carry_out(order));
    if (answer->orders.empty() && !pause(milliseconds{std::max<std::uint32_t>(answer->wait_ms, 1)}))
      return;
  }
}

} // namespace dfs
