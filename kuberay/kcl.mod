[package]
name = "kuberay"
edition = "v0.11.2"
version = "0.1.0"
