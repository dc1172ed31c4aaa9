#include "client/chunk_sender.hpp"

#include "client/transfers.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <exception>
#include <future>
#include <string_view>
#include <utility>

namespace dfs {

struct chunk_sender::sending {
  byte_buffer data; ///< of a chunk in memory
  chunk_source source{std::string_view{}};
  std::promise<atl::result<chunk_record>> promise;
  std::future<atl::result<chunk_record>> outcome = promise.get_future();
};

chunk_sender::chunk_sender(storage_pool& storages, const protocol::cluster_info& info,
                           std::shared_ptr<const scheme> by)
    : storages_{storages}, by_{std::move(by)}, lease_{storages.leases(),
                                                      std::chrono::microseconds{info.grace_us}},
      places_{storages.begin_upload(lease_, by_->id)} {}

chunk_sender::~chunk_sender() {
  if (threads_)
    threads_->join();
}

atl::status chunk_sender::send(byte_buffer data, bool is_last) {
  auto task = std::make_shared<sending>();
  task->data = std::move(data);
  task->source = chunk_source{task->data.view()};
  return send(std::move(task), is_last);
}

atl::status chunk_sender::send(chunk_source from, bool is_last) {
  auto task = std::make_shared<sending>();
  task->source = std::move(from);
  return send(std::move(task), is_last);
}

atl::status chunk_sender::send(std::shared_ptr<sending> task, bool is_last) {
  if (is_last && !threads_)
    return add(storages_.store(*places_, *by_, task->source), task->source.size);
  if (!threads_)
    threads_.emplace(chunks_under_way);
  while (pending_.size() >= chunks_under_way)
    if (auto settled = settle_one(); !settled)
      return settled;
  pending_.push_back(task);
  boost::asio::post(*threads_, [this, task = std::move(task)] {
    try {
      task->promise.set_value(storages_.store(*places_, *by_, task->source));
    } catch (...) { // for example out of memory; reported where the outcome is awaited
      task->promise.set_exception(std::current_exception());
    }
  });
  return {};
}

atl::result<std::vector<piece>> chunk_sender::finish() {
  while (!pending_.empty())
    if (auto settled = settle_one(); !settled)
      return tl::unexpected{settled.error()};
  return std::move(pieces_);
}

byte_buffer chunk_sender::take_buffer() {
  byte_buffer buffer;
  if (!spare_.empty()) {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  return buffer;
}

atl::status chunk_sender::settle_one() {
  auto oldest = std::move(pending_.front());
  pending_.pop_front();
  auto added = add(await(oldest->outcome), oldest->source.size);
  spare_.push_back(std::move(oldest->data));
  return added;
}

atl::status chunk_sender::add(atl::result<chunk_record> record, std::size_t size) {
  if (!record)
    return tl::unexpected{record.error()};
  pieces_.push_back({stored_, size, chunk_part{std::move(*record), 0}});
  stored_ += size;
  return {};
}

} // namespace dfs
