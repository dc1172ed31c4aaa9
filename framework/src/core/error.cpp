#include <atoll/core/error.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace atl {

error system_error(int error_number, std::string_view what) {
  auto code = errc::io;
  if (error_number == ENOSPC || error_number == EDQUOT)
    code = errc::no_space;
  else if (error_number == ENOENT)
    code = errc::not_found;
  else if (error_number == EEXIST)
    code = errc::exists;
  else if (error_number == EMFILE || error_number == ENFILE)
    code = errc::busy;
  return {code, fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

} // namespace atl
