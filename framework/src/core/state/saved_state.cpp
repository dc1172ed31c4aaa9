#include "state_database.hpp"
#include "state_rows.hpp"

#include <atoll/core/state/saved_state.hpp>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <string>
#include <utility>

namespace atl {

namespace {

constexpr int open_files_max = 32;
constexpr std::size_t cache_bytes = 8u << 20;
/// One read of the disk serves many blocks, because rows are visited in order.
constexpr std::size_t readahead_bytes = 2u << 20;

std::string_view view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

} // namespace

struct saved_state::implementation {
  service_info service;
  std::unique_ptr<rocksdb::DB> db;
};

saved_state::saved_state(std::unique_ptr<implementation> self) : self_{std::move(self)} {}
saved_state::saved_state(saved_state&&) noexcept = default;
saved_state& saved_state::operator=(saved_state&&) noexcept = default;
saved_state::~saved_state() = default;

result<saved_state> saved_state::open(const std::filesystem::path& folder, service_info service) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(cache_bytes);
  table.cache_index_and_filter_blocks = true;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.max_open_files = open_files_max;
  options.keep_log_file_num = 1;
  options.info_log_level = rocksdb::WARN_LEVEL;
  rocksdb::DB* db = nullptr;
  auto opened = rocksdb::DB::OpenForReadOnly(options, folder.native(), &db);
  auto self = std::make_unique<implementation>();
  self->service = std::move(service);
  self->db.reset(db);
  if (!opened.ok())
    return fail(to_error(opened, self->service),
                fmt::format("can't open the copy in '{}'", folder.native()));
  return saved_state{std::move(self)};
}

status saved_state::visit_rows(std::string_view from, const row_visitor& visit) const {
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.readahead_size = readahead_bytes;
  std::unique_ptr<rocksdb::Iterator> row{self_->db->NewIterator(how)};
  for (row->Seek({from.data(), from.size()}); row->Valid(); row->Next())
    if (!is_of_framework(view(row->key())) && !visit(view(row->key()), view(row->value())))
      return {};
  if (!row->status().ok())
    return tl::unexpected{to_error(row->status(), self_->service)};
  return {};
}

result<state_summary> saved_state::summary() const {
  std::string bytes;
  state_meta meta;
  if (auto got = self_->db->Get({}, state_keys::meta(), &bytes); !got.ok() && !got.IsNotFound())
    return tl::unexpected{to_error(got, self_->service)};
  if (!decode(bytes, meta))
    return fail(errc::corrupt,
                fmt::format("the copy of the {} says nothing of itself", self_->service.title));
  return state_summary{meta.cluster_id, meta.applied, meta.latest_us, meta.sessions};
}

} // namespace atl
