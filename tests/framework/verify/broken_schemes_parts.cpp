#include "broken_schemes.hpp"
#include "parity.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);

namespace broken_schemes {

namespace {

using namespace atl::spi;

constexpr std::size_t block = std::size_t{64} << 10;

/// A chunk of one size, one byte more than a block, is decoded wrongly.
struct fails_after_a_block : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    auto chunk = parity::decode(size, fragments, scratch);
    if (chunk && size == block + 1)
      scratch[block] = static_cast<char>(scratch[block] ^ 1);
    return chunk;
  }
};

/// Encodes in ten times the room that the fragments take.
struct takes_much_scratch : parity {
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto stored = piece_size(chunk.size()) * total();
    scratch.reserve(stored * 10 + 1); // so that the fragments stay where they are
    auto fragments = parity::encode(chunk, scratch);
    scratch.resize(stored * 10);
    return fragments;
  }
};

struct decodes_in_much_scratch : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    if (size > std::size_t{1} << 30)
      return parity::decode(size, fragments, scratch);
    scratch.reserve(size * 10 + 100);
    auto chunk = parity::decode(size, fragments, scratch);
    if (chunk)
      scratch.resize(size * 10);
    return chunk;
  }
};

/// The first byte of a fragment after a block is made wrongly.
struct rebuilds_one_block : parity {
  bool rebuild(std::size_t size, const fragment_range& wanted,
               std::span<const atl::spi::piece> pieces, std::span<char> out) const override {
    auto is_made = parity::rebuild(size, wanted, pieces, out);
    if (is_made && wanted.offset <= block && block < wanted.offset + wanted.length)
      out[block - wanted.offset] = static_cast<char>(out[block - wanted.offset] ^ 1);
    return is_made;
  }
};

/// Reads each fragment twice.
struct reads_twice : parity {
  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    auto reads = parity::reads_to_rebuild(size, wanted, sources);
    if (!reads)
      return std::nullopt;
    auto again = *reads;
    again.insert(again.end(), reads->begin(), reads->end());
    return again;
  }
};

/// A range that begins where a block ends is made of the bytes before it.
struct begins_too_early : parity {
  bool assemble(std::size_t size, std::size_t offset, std::span<const atl::spi::piece> pieces,
                std::span<char> out) const override {
    return parity::assemble(size, offset == block ? offset - 1 : offset, pieces, out);
  }
};

/// What is missing counts as zeros.
struct assembles_holes : parity {
  bool assemble(std::size_t size, std::size_t offset, std::span<const atl::spi::piece> pieces,
                std::span<char> out) const override {
    if (!parity::assemble(size, offset, pieces, out))
      std::ranges::fill(out, '\0');
    return true;
  }
};

struct rebuilds_out_of_holes : parity {
  bool rebuild(std::size_t size, const fragment_range& wanted,
               std::span<const atl::spi::piece> pieces, std::span<char> out) const override {
    if (!parity::rebuild(size, wanted, pieces, out))
      std::ranges::fill(out, '\0');
    return true;
  }
};

/// Needs exactly the pieces that it named.
struct rejects_more_pieces : parity {
  bool rebuild(std::size_t size, const fragment_range& wanted,
               std::span<const atl::spi::piece> pieces, std::span<char> out) const override {
    return pieces.size() == pieces_ && parity::rebuild(size, wanted, pieces, out);
  }
};

struct overstates_losses : parity {
  promises promised() const override { return {2, 150}; }
};

struct understates_losses : parity {
  promises promised() const override { return {0, 150}; }
};

struct understates_cost : parity {
  promises promised() const override { return {1, 100}; }
};

/// Of sixteen copies a chunk isn't read if the first eight are lost, and only then.
struct misses_one_set : recovery {
  fragment_layout layout() const override { return right_->layout(); }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    return right_->encode(chunk, scratch);
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    for (std::size_t i = 0; i < fragments.size(); ++i)
      if (fragments[i].has_value() != (i >= 8))
        return right_->decode(size, fragments, scratch);
    return std::nullopt;
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return right_->fragment_size(size, index);
  }
  bool enough(const std::vector<bool>& present) const override { return right_->enough(present); }
  verdict judge(const chunk_report& report) const override { return right_->judge(report); }
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    return right_->plan(reports);
  }

 private:
  static std::unique_ptr<recovery> sixteen_copies() {
    options many{{{"copies", std::int64_t{16}}, {"min_copies", std::int64_t{0}}}};
    return std::unique_ptr<recovery>{
        ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0).create.recovery({many})};
  }
  std::unique_ptr<recovery> right_ = sixteen_copies();
};

/// All calls of an object assemble in one buffer.
struct assembles_in_one_buffer : parity {
  bool assemble(std::size_t size, std::size_t offset, std::span<const atl::spi::piece> pieces,
                std::span<char> out) const override {
    auto is_made = parity::assemble(size, offset, pieces, out);
    if (!is_made || out.size() > sizeof buffer_)
      return is_made;
    std::memcpy(buffer_, out.data(), out.size());
    for (int i = 0; i < 20; ++i)
      std::this_thread::yield();
    std::memcpy(out.data(), buffer_, out.size());
    return true;
  }
  mutable char buffer_[8 << 10];
};

} // namespace

std::vector<specimen> with_wrong_parts() {
  constexpr auto cells =
      "chunks around the sizes of cells and stripes, in no more scratch space than they take";
  constexpr auto rebuilds =
      "makes each lost fragment again, at once and in windows, and reads no more than enough";
  constexpr auto edges = "reads ranges at the edges of cells, fragments and chunks";
  constexpr auto holes = "makes nothing wrong out of pieces that are missing or cut";
  constexpr auto survives = "survives all losses that it promises";
  return {
      {"fails_after_a_block", "a chunk of one size is decoded wrongly",
       plugin_of<fails_after_a_block>(), cells, "of a chunk of 65537 bytes"},
      {"takes_much_scratch", "encoding takes ten times the room", plugin_of<takes_much_scratch>(),
       cells, "encodes"},
      {"decodes_in_much_scratch", "decoding takes ten times the room",
       plugin_of<decodes_in_much_scratch>(), cells, "decodes"},
      {"rebuilds_one_block", "a byte after a block is made wrongly",
       plugin_of<rebuilds_one_block>(), rebuilds, "other than it encodes them"},
      {"reads_twice", "each fragment is read twice", plugin_of<reads_twice>(), rebuilds,
       "whole fragments that are enough have"},
      {"begins_too_early", "a range at a block's end begins too early",
       plugin_of<begins_too_early>(), edges, "makes wrong bytes 65536 to"},
      {"assembles_holes", "a missing piece counts as zeros", plugin_of<assembles_holes>(), holes,
       "makes a wrong chunk"},
      {"rebuilds_out_of_holes", "a missing piece counts as zeros in rebuilds",
       plugin_of<rebuilds_out_of_holes>(), holes, "makes a wrong fragment"},
      {"rejects_more_pieces", "more pieces than named are refused",
       plugin_of<rejects_more_pieces>(), holes, "more pieces than it named"},
      {"overstates_losses", "one loss is survived, and two are promised",
       unclaimed<overstates_losses>(), survives, "doesn't decode without fragments 0, 1"},
      {"understates_losses", "more is claimed than promised", plugin_of<understates_losses>(),
       survives, "claims to survive 1 losses and promises 0"},
      {"misses_one_set", "one set of eight losses of sixteen is not survived",
       unclaimed<misses_one_set>(), survives, "without fragments 0, 1, 2, 3, 4, 5, 6, 7"},
      {"understates_cost", "half as much again is stored, and nothing is promised for it",
       unclaimed<understates_cost>(), "stores no more than it promises",
       "stores 150 hundredths and promises 100"},
      {"assembles_in_one_buffer", "calls of several threads assemble in one buffer",
       plugin_of<assembles_in_one_buffer>(), "several threads use one object", "4 threads"},
  };
}

} // namespace broken_schemes
