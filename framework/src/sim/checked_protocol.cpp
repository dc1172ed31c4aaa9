#include "checked_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::sim {

void checked_protocol::on_effect(spi::effect& it) {
  if (auto* records = std::get_if<spi::persist>(&it))
    last_token_ = records->token;
  else if (auto* request = std::get_if<spi::validate>(&it))
    open_tickets_.push_back(request->ticket);
  else if (auto* snapshot = std::get_if<spi::install_snapshot>(&it))
    installing_ = snapshot->index;
}

void checked_protocol::on_durable(spi::persist_token token) {
  if (token > last_token_ || token < durable_)
    on_mistake_(fmt::format("is told that records up to {} are durable, after {} were, and {} "
                            "were made",
                            token, durable_, last_token_));
  durable_ = token;
  inner().on_durable(token);
}

void checked_protocol::on_validated(std::uint64_t ticket, bool ok, std::string_view reason) {
  auto open = std::find(open_tickets_.begin(), open_tickets_.end(), ticket);
  if (open == open_tickets_.end())
    on_mistake_(fmt::format("is told of validation {} twice, or without a request", ticket));
  else
    open_tickets_.erase(open);
  inner().on_validated(ticket, ok, reason);
}

void checked_protocol::on_snapshot_received(spi::log_index index, std::string_view blob) {
  if (installing_ != 0)
    on_mistake_(fmt::format("is told of a snapshot up to {} while one up to {} is being installed",
                            index, installing_));
  inner().on_snapshot_received(index, blob);
}

void checked_protocol::on_installed(spi::log_index index) {
  if (index != installing_)
    on_mistake_(fmt::format("is told that a snapshot up to {} is installed instead of one up to {}",
                            index, installing_));
  installing_ = 0;
  inner().on_installed(index);
}

} // namespace atl::sim
