#pragma once

#include "dispatcher_front.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// HAProxy in front of the same servers, configured as its users do.
namespace haproxy {

/// Whether it is installed here.
bool available();
std::string version();

/// The text of its configuration file. `hedges` can't be had.
/// @param balance such as `random(2)`
std::string configuration(std::uint16_t port, const std::vector<std::uint16_t>& servers,
                          const std::string& balance, protection against_stalls);

} // namespace haproxy
