#pragma once

namespace atl {

/// For the beginning of `main`. A program may be started with its standard input, output or error
/// closed; the next file or socket that the program opens would then get that descriptor, and
/// printed text would be written into it. Reopens a closed stream such that using it fails, as if
/// it were still closed.
void open_standard_streams();

} // namespace atl
