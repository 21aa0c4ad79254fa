//! Uses many statics that hold addresses, which start-up has to have relocated.
#![no_std]
#![no_main]

use core::fmt::Display;
use core::hint::black_box;

use barecoro::start::Env;
use barecoro::{entry, println};

entry!(main);

fn double(number: usize) -> usize {
    number * 2
}

fn square(number: usize) -> usize {
    number * number
}

/// More than 63 words, so that a compact list needs several maps.
static FUNCTIONS: [fn(usize) -> usize; 200] = {
    let mut functions: [fn(usize) -> usize; 200] = [double; 200];
    let mut index = 0;
    while index < 200 {
        if index % 3 == 0 {
            functions[index] = square;
        }
        index += 1;
    }
    functions
};

/// Addresses with other words between them.
static WORDS: [(usize, &str, &(dyn Display + Sync)); 4] =
    [(1, "one", &1_u8), (2, "two", &2_u64), (3, "three", &'3'), (4, "four", &"4")];

fn main(_env: Env) {
    let functions = black_box(&FUNCTIONS);
    let sum: usize = functions.iter().enumerate().map(|(n, function)| function(n)).sum();
    println!("sum {sum}");
    for (number, word, value) in black_box(&WORDS) {
        println!("{number} {word} {value}");
    }
}
