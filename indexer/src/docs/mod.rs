//! x
pub mod blocks; pub mod chunk; pub mod size; pub mod kind; pub mod page; pub mod front_matter;
pub fn lab(id:&str,title:&str,text:&str)->Vec<groundcrew_store::DocumentChunk>{ page::read_page(page::Origin{document:id,path:id,title:Some(title)},text,&groundcrew_masking::Masker::new()).chunks }
