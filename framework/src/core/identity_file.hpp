#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <set>
#include <string>

/// The file in which a data folder says whose data it holds.
namespace atl {

inline constexpr const char* identity_file_name = "identity.json";

/// Writes the file atomically: after a crash it is complete or absent. Durable when it returns.
status write_identity_file(const std::filesystem::path& file, const nlohmann::json& identity);

/// Errors: corrupt.
result<nlohmann::json> read_identity_file(const std::filesystem::path& file);

/// @returns errc::refused if the identity in that folder is of another application, cluster or
/// node. An identity without an application, by an earlier release, gets that of the owner.
status check_owner(nlohmann::json& identity, const data_owner& owner,
                   const std::filesystem::path& folder);

/// A folder that holds data without an identity must not get a new identity: the data would change
/// hands. @returns errc::refused if it does
status check_no_data(const std::filesystem::path& folder);

/// Moves what a data folder holds into a folder `former-<uuid>` within it, the identity last: after
/// a crash in between the folder is still the former one.
status move_content_aside(const std::filesystem::path& folder, const std::string& uuid);

/// The group of an identity; empty: none.
std::string group_in(const nlohmann::json& identity);
/// The parts that held data, of an identity or of one of its disks.
std::set<std::string> parts_in(const nlohmann::json& identity);

} // namespace atl
