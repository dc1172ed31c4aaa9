#pragma once

#include <atoll/core/state/service_logic.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace atl::verify {

/// A service's logic, and how many commands it has carried out.
class watched_logic final : public service_logic {
 public:
  explicit watched_logic(std::unique_ptr<service_logic> inner) : inner_{std::move(inner)} {}

  std::uint64_t commands() const { return commands_; }

  service_info info() const override { return inner_->info(); }
  status initialize(transaction& rows) override { return inner_->initialize(rows); }
  void load(row_reader& rows) override { inner_->load(rows); }
  std::string apply(transaction& rows, const service_command& command) override {
    ++commands_;
    return inner_->apply(rows, command);
  }
  void finish_batch(transaction& rows) override { inner_->finish_batch(rows); }
  std::string query(state_view& rows, std::string_view query) const override {
    return inner_->query(rows, query);
  }
  bool is_short_query(std::string_view query) const override {
    return inner_->is_short_query(query);
  }
  std::optional<error> admission_check(const service_command& command) const override {
    return inner_->admission_check(command);
  }
  bool takes_space(const service_command& command) const override {
    return inner_->takes_space(command);
  }

 private:
  std::unique_ptr<service_logic> inner_;
  std::uint64_t commands_ = 0;
};

} // namespace atl::verify
