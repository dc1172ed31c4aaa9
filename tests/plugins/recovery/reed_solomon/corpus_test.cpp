#include "../common/corpus.hpp"
#include "reed_solomon_under_test.hpp"

TEST_CASE("chunks are encoded to the bytes in the corpus, in every release") {
  for (auto [k, m] : {std::pair{4, 2}, {8, 3}, {10, 4}})
    corpus::check(*subject::scheme(k, m),
                  fmt::format("reed_solomon-rs-cauchy-1-k{}-m{}.txt", k, m));
}
