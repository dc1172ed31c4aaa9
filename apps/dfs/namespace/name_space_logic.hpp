#pragma once

#include "namespace/records.hpp"

#include <atoll/core/state/service_logic.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dfs::state {

/// What the commands and queries of the name space do.
class name_space_logic final : public atl::service_logic {
 public:
  atl::service_info info() const override;
  atl::status initialize(atl::transaction& rows) override;
  atl::status on_restored(atl::transaction& rows, atl::spi::log_index log_index) override;
  void load(atl::row_reader& rows) override;
  std::string apply(atl::transaction& rows, const atl::service_command& command) override;
  void finish_batch(atl::transaction& rows) override;
  std::string query(atl::state_view& rows, std::string_view query) const override;
  bool is_short_query(std::string_view query) const override;
  void prepare(atl::row_reader& rows, const atl::service_command& command) const override;
  std::optional<atl::error> admission_check(const atl::service_command& command) const override;
  bool takes_space(const atl::service_command& command) const override;

 private:
  meta meta_; ///< as in its row after the last batch, and the changes since
};

} // namespace dfs::state
