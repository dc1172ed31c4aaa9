#include "client/file_client.hpp"

#include "client/storage_pool.hpp"
#include "client/transfers.hpp"
#include "namespace/path.hpp"

#include <utility>

namespace dfs {

struct file_client::implementation {
  implementation(const cluster_settings& settings, atl::spi::read_level reads,
                 std::shared_ptr<const leader_memory> memory)
      : cluster{settings}, masters{cluster, reads, std::move(memory)} {}

  cluster_settings cluster;
  control masters;
  std::unique_ptr<storage_pool> storages;
};

file_client::file_client(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

file_client::~file_client() = default;

atl::result<std::unique_ptr<file_client>>
file_client::connect(const cluster_settings& cluster, atl::spi::read_level reads,
                     std::shared_ptr<const leader_memory> memory) {
  auto impl = std::make_unique<implementation>(cluster, reads, std::move(memory));
  auto storages = storage_pool::open(impl->cluster, impl->masters);
  if (!storages)
    return tl::unexpected{storages.error()};
  impl->storages = std::move(*storages);
  return std::unique_ptr<file_client>{new file_client{std::move(impl)}};
}

control& file_client::masters() {
  return impl_->masters;
}

atl::result<std::uint64_t> file_client::put(const byte_source& from, const std::string& path,
                                            const put_options& options) {
  return upload(impl_->masters, *impl_->storages, from, path, options);
}

atl::result<std::uint64_t> file_client::get(const std::string& path, const byte_sink& into,
                                            const progress_report& progress, const byte_range& part,
                                            const std::optional<expected_content>& expected,
                                            const byte_retraction& take_back) {
  return download(impl_->masters, *impl_->storages, path, into, progress, part, expected,
                  take_back);
}

atl::result<std::unique_ptr<job_runner>> file_client::make_job_runner(std::vector<job_node> nodes) {
  return job_runner::open(impl_->cluster, impl_->masters, *impl_->storages, std::move(nodes));
}

atl::status file_client::list(const std::string& path,
                              const std::function<bool(const responses::entry&)>& each) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  std::string after;
  for (;;) {
    auto page = impl_->masters.query(queries::list{*where, after, 0});
    if (!page)
      return tl::unexpected{page.error()};
    for (auto& entry : page->entries)
      if (!each(entry))
        return {};
    if (!page->more || page->entries.empty())
      return {};
    after = page->entries.back().name;
  }
}

} // namespace dfs
