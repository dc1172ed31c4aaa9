#include "job/job_protocol.hpp"

#include <atoll/spi/codec.hpp>

namespace dfs::job {

std::string encode(const piece_request& request) {
  atl::spi::writer out;
  out.put(request.job);
  write(out, request.spec);
  out.put(request.chunk.made_us).put(request.chunk.random);
  out.put(request.chunk_bytes).put(request.fragments).put(request.offset).put(request.length);
  return out.take();
}

std::string encode(const cancel_request& request) {
  atl::spi::writer out;
  out.put(request.job);
  return out.take();
}

atl::result<piece_request> decode_piece_request(std::string_view bytes) {
  atl::spi::reader in{bytes};
  piece_request request;
  request.job = in.get<std::uint64_t>();
  request.spec = read_job_spec(in);
  request.chunk.made_us = in.get<std::uint64_t>();
  request.chunk.random = in.get<std::uint64_t>();
  request.chunk_bytes = in.get<std::uint64_t>();
  request.fragments = in.get<std::uint32_t>();
  request.offset = in.get<std::uint64_t>();
  request.length = in.get<std::uint64_t>();
  auto is_range = request.length > 0 && request.offset <= request.chunk_bytes &&
                  request.length <= request.chunk_bytes - request.offset;
  if (!in.done() || !is_range || request.fragments > fragments_max)
    return atl::fail(atl::errc::corrupt, "a piece of a job that can't be read");
  return request;
}

atl::result<cancel_request> decode_cancel_request(std::string_view bytes) {
  atl::spi::reader in{bytes};
  cancel_request request{in.get<std::uint64_t>()};
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "the cancellation of a job that can't be read");
  return request;
}

} // namespace dfs::job
