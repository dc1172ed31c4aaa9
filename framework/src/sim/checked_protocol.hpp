#pragma once

#include <atoll/core/forwarding_consensus.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace atl::sim {

/// Checks the calls of a driver to a protocol, and reports each breach of the interface: a
/// validation that is answered twice, records that count as durable before they were made, a
/// snapshot that arrives or is installed at the wrong time.
class checked_protocol final : public forwarding_consensus {
 public:
  using report = std::function<void(const std::string& what)>;

  checked_protocol(std::unique_ptr<spi::consensus> inner, report on_mistake)
      : forwarding_consensus{std::move(inner)}, on_mistake_{std::move(on_mistake)} {}

  void on_durable(spi::persist_token token) override;
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override;
  void on_snapshot_received(spi::log_index index, std::string_view blob) override;
  void on_installed(spi::log_index index) override;

 private:
  void on_effect(spi::effect& it) override;

  report on_mistake_;
  spi::persist_token last_token_ = 0;
  spi::persist_token durable_ = 0;
  spi::log_index installing_ = 0; ///< 0: no snapshot
  std::vector<std::uint64_t> open_tickets_;
};

} // namespace atl::sim
